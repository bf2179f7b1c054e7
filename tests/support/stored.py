"""Any inputs and outputs of an identity, and their way through Pulumi."""

from dataclasses import fields
from datetime import UTC, datetime

from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from hypothesis import strategies as st
from pydantic import AwareDatetime

from byodkim_provider.hosts.zones import Zone
from byodkim_provider.identity.state import Declared, KeyInSes, Stored

MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC)).map(
    lambda at: at.replace(microsecond=0)
)
"""A time is stored to the second."""

st.register_type_strategy(int, st.integers(1, 10**6))
st.register_type_strategy(AwareDatetime, MOMENTS)
st.register_type_strategy(str, st.text(st.characters(categories=["L", "N", "P"])))


def any_of(cls, **limited):
    """Any value of a dataclass, in all its fields, also those that are new."""
    return st.builds(cls, **{one.name: ... for one in fields(cls)} | limited)


st.register_type_strategy(Zone, any_of(Zone))

DECLARED = any_of(
    Declared,
    overlap_days=st.integers(0, 365),
    dns_wait_seconds=st.integers(0, 3600),
    dns_resolvers=st.sampled_from([(), ("192.0.2.53", "[::1]:5353")]),
)
STORED = any_of(Stored, declared=DECLARED, key=st.none() | any_of(KeyInSes))


def through_pulumi(properties):
    """What comes back of properties: a Struct of protobuf, in which every number is a float."""
    struct = Struct()
    struct.update(properties)
    return MessageToDict(struct)
