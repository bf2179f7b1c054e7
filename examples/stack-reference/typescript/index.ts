// Uses the domains of a stack that was made from a stack file.
import * as pulumi from "@pulumi/pulumi";

const senders = new pulumi.StackReference(new pulumi.Config().require("senders"));

/** The domains that SES has verified in every Region; throws if one is not. */
function verifiedOf([domains, pending]: [Record<string, unknown>, string[]]): string[] {
    if (pending.length > 0) {
        throw new pulumi.RunError(`not verified yet: ${pending}`);
    }
    return Object.keys(domains).sort();
}

export const verified = pulumi
    .all([senders.requireOutput("domains"), senders.requireOutput("pending")])
    .apply(verifiedOf);
