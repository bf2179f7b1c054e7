"""If this fails, the policy that people paste lacks an action, or allows one too many."""

import functools
import inspect

import botocore.session
import pytest
from botocore import xform_name

from byodkim_provider.aws.permissions import PERMISSIONS
from byodkim_provider.aws.secrets_manager import SecretStore
from byodkim_provider.aws.ses import SesClient

CALLED_BY_PULUMI_AWS = {
    # aws.route53.Record: record.go.
    *("GetHostedZone", "ChangeResourceRecordSets", "GetChange", "ListResourceRecordSets")
}
"""Read in terraform-provider-aws, internal/service/route53: pulumi-aws is made from it."""

CALLED_HERE = {"ListHostedZones", "GetHostedZone", "ListResourceRecordSets"}
"""By `aws.route53`."""


ACTIONS = {action for actions in PERMISSIONS.values() for action in actions}
"""All of the table."""


def actions(service):
    """The API actions of a service in the table."""
    return {one.removeprefix(f"{service}:") for one in ACTIONS if one.startswith(service)}


def methods(client):
    """The names of the methods of *client*, which are those of API actions."""
    return {name for name, _ in inspect.getmembers(client, inspect.isfunction) if name[0] != "_"}


@functools.cache
def api_actions(service):
    """All actions that AWS has in *service*, by boto3's name of it."""
    return botocore.session.get_session().get_service_model(service).operation_names


def test_what_is_called():
    """What the clients can call, and what pulumi-aws calls, is in the table, and nothing else."""
    for service, client in (("ses", SesClient), ("secretsmanager", SecretStore)):
        assert {xform_name(action) for action in actions(service)} == methods(client) - {"arn"}
    assert actions("route53") == CALLED_BY_PULUMI_AWS | CALLED_HERE


@pytest.mark.parametrize("permission", sorted(ACTIONS))
def test_actions_exist(permission):
    """Every action is one that AWS has, or a permission that STS checks with AssumeRole."""
    service, _, action = permission.partition(":")
    without_api = {"sts:TagSession", "sts:SetSourceIdentity"}
    assert (
        action in api_actions({"ses": "sesv2"}.get(service, service)) or permission in without_api
    )
