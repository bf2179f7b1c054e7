"""
Uses the domains of a stack that was made from a stack file. Nothing of the package is imported.
"""

import pulumi

senders = pulumi.StackReference(pulumi.Config().require("senders"))


def verified(outputs: list[object]) -> list[str]:
    """The domains that SES has verified in every Region; raises if one is not."""
    domains, pending = outputs
    if pending:
        raise pulumi.RunError(f"not verified yet: {pending}")
    return sorted(domains) if isinstance(domains, dict) else []


outputs = pulumi.Output.all(senders.require_output("domains"), senders.require_output("pending"))
pulumi.export("verified", outputs.apply(verified))
