"""
Signs in to AWS as the stack does, and says which account pulumi-aws signs in to; an error becomes
one line.

An error of pulumi-aws passes through plugin, engine and SDK, which raises nothing narrower than
`Exception`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_aws as aws

from byodkim_provider.errors import AwsRefused
from byodkim_provider.messages.program import ProgramMessages
from byodkim_provider.program import stack_config
from byodkim_provider.quoting import in_dns
from byodkim_provider.resources.sdk import PerProgram, end_program

if TYPE_CHECKING:
    from byodkim_provider.aws.connections import Connections

_RUN_ENDED: Final = ("context canceled", "Resource monitor has terminated, shutting down")
"""
Ends of an error after the engine has ended the run, and has said why.

The first is from the engine, for example after pulumi-aws refused its settings, the second from the
SDK.
"""

_accounts: PerProgram[str] = PerProgram()
"""Ids, by pulumi-aws's provider."""


_connections: PerProgram[Connections] = PerProgram()


def connections() -> Connections:
    """What reads AWS as the running stack: one session, whose credentials are looked for once."""
    from byodkim_provider.aws.connections import Connections  # and botocore
    from byodkim_provider.aws.settings import read_settings

    def connected() -> Connections:
        config = pulumi.Config("aws")
        return Connections(read_settings(lambda name: config.get(name.removeprefix("aws:"))))

    return _connections.get(None, connected)


def sign_in(region: str) -> None:
    """
    Ask STS in *region* for the account, as pulumi-aws will.

    Raises `InvalidSettings` without credentials, `AwsRefused` if STS does not take them.
    Says first which services are not asked at AWS, since it may fail there.
    """
    from byodkim_provider.aws.settings import redirection_warnings  # and botocore

    signed_in = connections()
    for warning in redirection_warnings(signed_in.settings.endpoints):
        pulumi.log.warn(str(warning))
    signed_in.account_id(stack_config.region() or region)


def account_of(parent: pulumi.Resource) -> str:
    """
    The account of *parent*'s provider; read once per provider and program. Raises `AwsRefused`.
    """
    return _accounts.get(
        parent.get_provider("aws:index/getCallerIdentity:getCallerIdentity"),
        lambda: _account(pulumi.InvokeOptions(parent=parent)),
    )


def _account(opts: pulumi.InvokeOptions) -> str:
    try:
        return str(aws.get_caller_identity(opts=opts).account_id)
    except Exception as error:  # noqa: BLE001 # the SDK raises nothing narrower
        text = " ".join(str(error).split())
        if text.endswith(_RUN_ENDED):
            end_program("")
        reason = text.rpartition("operation error ")[2]  # without what plugin and SDK put before
        raise AwsRefused(ProgramMessages.NO_ACCOUNT(reason=in_dns(reason))) from None
