"""
Facts about the real SES, from others' probes of it and from their test suites, held against the emulator.

The letters are the sources in docs/reference/real-ses.md, where those facts are too that two sources dispute.
"""

from base64 import b64encode

import pytest

from sandbox.dns.hosting import ADDRESSES
from sandbox.ses.identity import easy_dkim_keys
from sandbox.ses.switches import Switches
from sandbox.world import Sandbox
from tests.sandbox.ses_client import DOMAIN, REGION, answer_of, key, send, world

KEY = key("one").sent
HOUR = 3600
ADDRESS = f"me@{DOMAIN}"
ARN = f"arn:aws:ses:{REGION}:123456789012:identity/"
ELSEWHERE = f"arn:aws:ses:us-east-1:123456789012:identity/{DOMAIN}"
CREATE, PUT = "create_email_identity", "put_email_identity_dkim_signing_attributes"
HALF = {"EmailIdentity": "a.test", "DkimSigningAttributes": {"DomainSigningSelector": "a"}}
OTHER_HALF = {"EmailIdentity": "a.test", "DkimSigningAttributes": {"DomainSigningPrivateKey": "AAAA"}}
LENGTH = {"NextSigningKeyLength": "RSA_1024_BIT"}
BOTH = "NextSigningKeyLength cannot be used together with DomainSigningSelector and DomainSigningPrivateKey."
INCOMPLETE = "Invalid identity configuration. please ensure to provide the required Attributes."
NO_DOMAIN = "The EmailIdentity value must be a valid domain."


@pytest.fixture
def here():
    with world() as running:
        yield running


@pytest.fixture
def ses(here):
    """With the identity `example.com`, which has Easy DKIM and is verified."""
    here.ses.put_easy_dkim(DOMAIN, REGION)
    return here.client()


@pytest.mark.parametrize(
    ("action", "parameters", "status", "text"),
    [
        # C
        (CREATE, HALF, 400, INCOMPLETE),
        (CREATE, OTHER_HALF, 400, INCOMPLETE),
        (CREATE, {"EmailIdentity": "a.test", "DkimSigningAttributes": KEY | LENGTH}, 400, BOTH),
        (
            CREATE,
            {"EmailIdentity": "you@a.test", "DkimSigningAttributes": KEY},
            400,
            "For BYODKIM, the EmailIdentity value must be a domain.",
        ),
        (CREATE, {"EmailIdentity": "you@a.test", "DkimSigningAttributes": LENGTH}, 200, ""),
        # F
        (PUT, {"EmailIdentity": "who@a.test", "SigningAttributesOrigin": "AWS_SES"}, 400, NO_DOMAIN),
        (PUT, {"EmailIdentity": " ", "SigningAttributesOrigin": "AWS_SES"}, 400, NO_DOMAIN),
        (
            PUT,
            {"EmailIdentity": "a.test", "SigningAttributesOrigin": "AWS_SES"},
            404,
            "Email identity a.test does not exist.",
        ),
        (
            "put_email_identity_dkim_attributes",
            {"EmailIdentity": "who@a.test", "SigningEnabled": True},
            400,
            "Domain a.test is not verified for DKIM signing.",
        ),
        ("put_email_identity_dkim_attributes", {"EmailIdentity": "who@example.com"}, 200, ""),
        (
            CREATE,
            {"EmailIdentity": DOMAIN, "ConfigurationSetName": "none", "Tags": [{"Key": "*", "Value": ""}]},
            400,
            "Email identity example.com already exist.",
        ),
        (
            CREATE,
            {"EmailIdentity": "a.test", "ConfigurationSetName": "none", "Tags": [{"Key": "*", "Value": ""}]},
            400,
            "The tag key '*' is invalid.",
        ),
        (
            CREATE,
            {"EmailIdentity": "a.test", "ConfigurationSetName": "none"},
            404,
            "Configuration set <none> does not exist.",
        ),
        (
            "put_email_identity_configuration_set_attributes",
            {"EmailIdentity": "a.test", "ConfigurationSetName": "none"},
            404,
            "Identity <a.test> does not exist.",
        ),
        (
            "tag_resource",
            {"ResourceArn": ELSEWHERE, "Tags": [{"Key": "a", "Value": "b"}]},
            400,
            "Failed to tag resource",
        ),
        ("untag_resource", {"ResourceArn": ELSEWHERE, "TagKeys": ["a"]}, 400, "Failed to untag resource"),
        ("list_tags_for_resource", {"ResourceArn": ELSEWHERE}, 200, ""),
        ("tag_resource", {"ResourceArn": ARN + DOMAIN, "Tags": []}, 400, "No tag is given."),
        (
            "tag_resource",
            {"ResourceArn": ARN + DOMAIN, "Tags": [{"Key": "a", "Value": "b"}, {"Key": "a", "Value": "c"}]},
            400,
            "A tag key is given more than once.",
        ),
        ("tag_resource", {"ResourceArn": ARN + DOMAIN, "Tags": [{"Key": "a\u00a0b", "Value": ""}]}, 200, ""),
        (
            "tag_resource",
            {"ResourceArn": ARN + DOMAIN, "Tags": [{"Key": "\U00020000" * 128, "Value": "x" * 256}]},
            200,
            "",
        ),
        # SES v1's own, of terraform#17630, and what follows from it for other names
        (CREATE, {"EmailIdentity": "a.test."}, 400, "Invalid domain name a.test.."),
        (CREATE, {"EmailIdentity": "test"}, 400, "Invalid domain name test."),
        (CREATE, {"EmailIdentity": "a b.test"}, 400, "Invalid domain name a b.test."),
        (CREATE, {"EmailIdentity": "bücher.test"}, 400, "Invalid domain name bücher.test."),
        (CREATE, {"EmailIdentity": "a@b@c.test"}, 400, "Invalid email address a@b@c.test."),
        (CREATE, {"EmailIdentity": "A_b.TEST"}, 200, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_refusals(ses, action, parameters, status, text):
    """Each refusal has the status, the text and the place in the order of checks that others saw."""
    answer = answer_of(getattr(ses, action), **parameters)
    assert (status, text) == (answer[0], answer[2])


def test_address(here):
    """M, T: an address says little of itself when it is created, and has no tokens."""
    created = here.client().create_email_identity(EmailIdentity=ADDRESS)
    assert {"IdentityType", "VerifiedForSendingStatus"} == set(created) - {"ResponseMetadata"}
    read = here.client().get_email_identity(EmailIdentity=ADDRESS)["DkimAttributes"]
    assert {
        "SigningEnabled": False,
        "Status": "NOT_STARTED",
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": "RSA_1024_BIT",
    } == read


def test_address_of_a_domain(ses):
    """F: an address shows the DKIM of its domain; a Put to it changes nothing."""
    ses.create_email_identity(EmailIdentity=ADDRESS)
    ses.put_email_identity_dkim_attributes(EmailIdentity=ADDRESS, SigningEnabled=False)
    address, domain = (ses.get_email_identity(EmailIdentity=name) for name in (ADDRESS, DOMAIN))
    assert address["DkimAttributes"] == domain["DkimAttributes"]
    assert domain["DkimAttributes"]["SigningEnabled"] is True


def test_easy_dkim(ses):
    """T, W, F: Easy DKIM says when its key was made, and where the keys are."""
    read = ses.get_email_identity(EmailIdentity=DOMAIN)
    assert {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"} == read["MailFromAttributes"]
    dkim = read["DkimAttributes"]
    assert dkim["LastKeyGenerationTimestamp"].microsecond
    assert dkim["SigningHostedZone"]
    put = ses.put_email_identity_dkim_signing_attributes(
        EmailIdentity=DOMAIN, SigningAttributesOrigin="AWS_SES", SigningAttributes=LENGTH
    )
    assert put["SigningHostedZone"] == dkim["SigningHostedZone"]
    read = ses.get_email_identity(EmailIdentity=DOMAIN)["DkimAttributes"]
    assert read["NextSigningKeyLength"] == "RSA_1024_BIT"


def test_sub_domain(ses):
    """terraform-provider-aws#41634: what is in a verified domain may send while it is pending itself."""
    sub = f"news.{DOMAIN}"
    created = ses.create_email_identity(EmailIdentity=sub, DkimSigningAttributes=KEY)
    read = ses.get_email_identity(EmailIdentity=sub)
    assert (created["VerifiedForSendingStatus"], read["VerifiedForSendingStatus"]) == (True, True)
    assert read["VerificationStatus"] == "PENDING"


@pytest.mark.parametrize("as_get", [False, True], ids=["as reported", "the other way"])
def test_answers_before_the_first_check(here, as_get):
    """H, G: Create and Put answer NOT_STARTED, and the very next read says PENDING."""
    if as_get:
        here.switch(create_answer="as Get", put_answer="as Get")
    status = "PENDING" if as_get else "NOT_STARTED"
    created = here.client().create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=KEY)
    assert created["DkimAttributes"]["Status"] == status
    assert (here.status(), here.get()["DkimAttributes"]["Tokens"]) == ("PENDING", ["one"])
    assert here.put(key("two"))["DkimStatus"] == status
    assert (here.status(), here.get()["DkimAttributes"]["Tokens"]) == ("PENDING", ["two"])


def test_origin_beside_the_key(here):
    """H, E: Create takes the origin EXTERNAL among its attributes, and a Put does not."""
    nested = KEY | {"DomainSigningAttributesOrigin": "EXTERNAL"}
    here.client().create_email_identity(EmailIdentity=DOMAIN, DkimSigningAttributes=nested)
    assert here.get()["DkimAttributes"]["SigningAttributesOrigin"] == "EXTERNAL"
    put = here.client().put_email_identity_dkim_signing_attributes
    answer = answer_of(
        put, EmailIdentity=DOMAIN, SigningAttributesOrigin="EXTERNAL", SigningAttributes=nested
    )
    assert answer[0] == 400


def test_read_after_delete(here, ses):
    """E: a read soon after a Delete may still find the identity."""
    here.switch(read_lag_seconds=2.5)
    here.clock.advance(10)
    ses.delete_email_identity(EmailIdentity=DOMAIN)
    here.clock.advance(2)
    assert here.get()["IdentityType"] == "DOMAIN"
    here.clock.advance(1)
    assert answer_of(ses.get_email_identity, EmailIdentity=DOMAIN)[0] == 404


def test_managed_domain(here, ses):
    """The service model has a third type of identity, which another AWS service makes."""
    here.ses.change(DOMAIN, REGION, is_managed=True)
    (row,) = ses.list_email_identities()["EmailIdentities"]
    assert (here.get()["IdentityType"], row["IdentityType"]) == ("MANAGED_DOMAIN", "MANAGED_DOMAIN")


def test_tenant_holds_an_identity(ses):
    """N, A, P: an identity of a tenant can't be deleted, and is free once the association is gone."""
    ses.create_tenant(TenantName="acme")
    held = {"TenantName": "acme", "ResourceArn": ARN + DOMAIN}
    missing = answer_of(ses.create_tenant_resource_association, TenantName="acme", ResourceArn=f"{ARN}a.test")
    assert missing == (404, "NotFoundException", "Identity <a.test> does not exist.")
    mail = {
        "FromEmailAddress": ADDRESS,
        "Destination": {"ToAddresses": ["you@example.net"]},
        "Content": {"Simple": {"Subject": {"Data": "a"}, "Body": {"Text": {"Data": "a"}}}},
        "TenantName": "acme",
    }
    refused = answer_of(ses.send_email, **mail)
    text = f"Tenant not associated with resources [{ARN}{DOMAIN}]"
    assert refused == (403, "AccessDeniedException", text)
    ses.create_tenant_resource_association(**held)
    ses.send_email(**mail)
    (tenant,) = ses.list_resource_tenants(ResourceArn=ARN + DOMAIN)["ResourceTenants"]
    assert tenant["TenantName"] == "acme"
    text = "because it has tenant associations. Remove all tenant associations and try again."
    assert answer_of(ses.delete_email_identity, EmailIdentity=DOMAIN) == (
        400,
        "BadRequestException",
        f"Cannot delete {ARN}{DOMAIN} {text}",
    )
    ses.delete_tenant_resource_association(**held)
    ses.delete_email_identity(EmailIdentity=DOMAIN)


@pytest.mark.parametrize(
    ("primary", "error"),
    [
        ("Easy DKIM", ""),
        ("BYODKIM", "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED"),
        ("none", "REPLICATION_PRIMARY_NOT_FOUND"),
        ("replica", "REPLICATION_REPLICA_AS_PRIMARY_NOT_SUPPORTED"),
        ("here", "REPLICATION_PRIMARY_INVALID_REGION"),
    ],
)
def test_replica(here, primary, error):
    """A: a new replica has the key of its primary, or an error that names what is wrong with the primary."""
    elsewhere = "us-east-1"
    if primary == "BYODKIM":
        here.ses.put_identity(DOMAIN, elsewhere, selector="a", private_key=KEY["DomainSigningPrivateKey"])
    elif primary not in ("none", "here"):
        of = {"primary": "eu-central-1"} if primary == "replica" else {}
        here.ses.put_easy_dkim(DOMAIN, elsewhere, **of)
    token = easy_dkim_keys()[0]
    here.dns[token.record_name(DOMAIN)] = (f"p={b64encode(token.public_der).decode()}",)
    origin = f"AWS_SES_{(REGION if primary == 'here' else elsewhere).upper().replace('-', '_')}"
    here.client().create_email_identity(
        EmailIdentity=DOMAIN, DkimSigningAttributes={"DomainSigningAttributesOrigin": origin}
    )
    here.clock.advance(HOUR)
    seen = here.get()
    assert seen["VerificationInfo"].get("ErrorType", "") == error
    assert seen["DkimAttributes"]["Status"] == ("PENDING" if error else "SUCCESS")
    assert seen["DkimAttributes"]["SigningAttributesOrigin"] == origin
    assert seen["DkimAttributes"]["Tokens"] == [each.selector for each in easy_dkim_keys()]


@pytest.mark.parametrize("follow", [True, False])
def test_primary_gets_a_key_of_its_own(here, follow):
    """Nobody has said what becomes of a replica that was verified: it fails as without its record, or not."""
    here.ses.switches.replicas_follow = follow
    here.ses.put_easy_dkim(DOMAIN, "us-east-1")
    here.ses.put_easy_dkim(DOMAIN, REGION, primary="us-east-1")
    token = easy_dkim_keys()[0]
    here.dns[token.record_name(DOMAIN)] = (f"p={b64encode(token.public_der).decode()}",)
    here.ses.put_identity(DOMAIN, "us-east-1", selector="a", private_key=KEY["DomainSigningPrivateKey"])
    here.clock.advance(HOUR)
    seen = here.get()
    error = "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED" if follow else ""
    assert seen["VerificationInfo"].get("ErrorType", "") == error
    assert seen["DkimAttributes"]["Status"] == ("TEMPORARY_FAILURE" if follow else "SUCCESS")
    assert bool(here.ses.signing_key(DOMAIN, REGION)) == (not follow)


def test_tenant_that_goes(ses):
    """The API's text: a tenant goes with its associations, and their resources stay."""
    ses.create_tenant(TenantName="acme", Tags=[{"Key": "a", "Value": "b"}])
    ses.create_tenant_resource_association(TenantName="acme", ResourceArn=ARN + DOMAIN)
    assert ses.get_tenant(TenantName="acme")["Tenant"]["Tags"] == [{"Key": "a", "Value": "b"}]
    (resource,) = ses.list_tenant_resources(TenantName="acme")["TenantResources"]
    assert resource == {"ResourceType": "EMAIL_IDENTITY", "ResourceArn": ARN + DOMAIN}
    ses.delete_tenant(TenantName="acme")
    assert answer_of(ses.get_tenant, TenantName="acme")[0] == 404
    assert ses.get_email_identity(EmailIdentity=DOMAIN)["IdentityType"] == "DOMAIN"
    ses.delete_email_identity(EmailIdentity=DOMAIN)


def test_certificate_holds_an_identity(ses):
    """F: so does an S/MIME certificate, which does not go with the identity."""
    certificate = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    ses.associate_email_identity_certificate(
        EmailIdentity=DOMAIN, FromAddress=ADDRESS, CertificateArn=certificate
    )
    text = "because it has certificates associated with it. Disassociate all certificates and try again."
    assert answer_of(ses.delete_email_identity, EmailIdentity=DOMAIN) == (
        400,
        "BadRequestException",
        f"Cannot delete {ARN}{DOMAIN} {text}",
    )
    ses.disassociate_email_identity_certificate(EmailIdentity=DOMAIN, FromAddress=ADDRESS)
    ses.delete_email_identity(EmailIdentity=DOMAIN)


def test_deep_domain(here):
    """H: a domain three labels below the registered one is an identity as any other."""
    deep = f"a.b.c.{DOMAIN}"
    here.client().create_email_identity(EmailIdentity=deep, DkimSigningAttributes=KEY)
    assert here.client().get_email_identity(EmailIdentity=deep)["IdentityType"] == "DOMAIN"


def publish(sandbox, zone, name, kind, value):
    record_set = {"Name": name, "Type": kind, "TTL": 300, "ResourceRecords": [{"Value": value}]}
    sandbox.route53.change_resource_record_sets(
        HostedZoneId=zone, ChangeBatch={"Changes": [{"Action": "CREATE", "ResourceRecordSet": record_set}]}
    )


@pytest.mark.parametrize("follows", [True, False])
def test_cname(follows):
    """Two domains on SES have a CNAME where SES looks; whether SES follows it nobody has seen."""
    with Sandbox(switches=Switches(requests_per_second=None, follows_cname=follows)) as sandbox:
        zone = sandbox.add_zone(DOMAIN)
        publish(sandbox, zone, key("one").record_name, "CNAME", f"held.{DOMAIN}")
        publish(sandbox, zone, f"held.{DOMAIN}", "TXT", f'"{key("one").p}"')
        sandbox.ses.call(
            "CreateEmailIdentity", REGION, {"EmailIdentity": DOMAIN, "DkimSigningAttributes": KEY}
        )
        sandbox.clock.advance(Switches().first_check_seconds)
        read = sandbox.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
    found = (read["DkimAttributes"]["Status"], read["VerificationInfo"].get("ErrorType"))
    assert found == (("SUCCESS", None) if follows else ("PENDING", "TYPE_NOT_FOUND"))


@pytest.mark.parametrize(
    ("there", "error"),
    [
        ("nothing", "HOST_NOT_FOUND"),
        ("an address", "TYPE_NOT_FOUND"),
        ("another key", "INVALID_VALUE"),
        ("silence", "DNS_SERVER_ERROR"),
        ("a fault of SES", "SERVICE_ERROR"),
    ],
)
def test_error_types(there, error):
    """The words of the service model for what a check finds; a fault that passes keeps the search alive."""
    name, own = key("one").record_name, Switches(requests_per_second=None)
    with Sandbox(switches=own) as sandbox:
        zone = sandbox.add_zone(DOMAIN)
        if there == "an address":
            publish(sandbox, zone, name, "A", "192.0.2.1")
        elif there == "another key":
            publish(sandbox, zone, name, "TXT", f'"{key("two").p}"')
        sandbox.dns.silence(*(ADDRESSES.values() if there == "silence" else ()))
        sandbox.ses.ails = there == "a fault of SES"
        sandbox.ses.call(
            "CreateEmailIdentity", REGION, {"EmailIdentity": DOMAIN, "DkimSigningAttributes": KEY}
        )
        sandbox.clock.advance(own.first_check_seconds)
        read = sandbox.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})
        assert (read["DkimAttributes"]["Status"], read["VerificationInfo"]["ErrorType"]) == ("PENDING", error)


def test_verification_info():
    """W: SES says which zone it saw, and that the success came a moment after its check."""
    with Sandbox(switches=Switches(requests_per_second=None)) as sandbox:
        publish(sandbox, sandbox.add_zone(DOMAIN), key("one").record_name, "TXT", f'"{key("one").p}"')
        sandbox.ses.put_identity(DOMAIN, REGION, selector="old", private_key="AAAA")
        sandbox.ses.call(
            "PutEmailIdentityDkimSigningAttributes",
            REGION,
            {"EmailIdentity": DOMAIN, "SigningAttributesOrigin": "EXTERNAL", "SigningAttributes": KEY},
        )
        sandbox.clock.advance(Switches().first_check_seconds)
        info = sandbox.ses.call("GetEmailIdentity", REGION, {"EmailIdentity": DOMAIN})["VerificationInfo"]
    assert {
        "PrimaryNameServer": "ns-1.sandbox.test",
        "AdminEmail": "awsdns-hostmaster.amazon.com",
        "SerialNumber": 1,
    } == info["SOARecord"]
    assert info["LastSuccessTimestamp"] > info["LastCheckedTimestamp"]


def test_first_check_takes_minutes():
    """Others' domains took 1 to 11 minutes: by default the emulator is in between."""
    assert 60 <= Switches().first_check_seconds <= 660


NULL = None

CREATED = ("POST", "identities")
BY_SES = b'{"SigningAttributesOrigin": "AWS_SES"}'
DKIM = "identities/a.test/dkim"

MALFORMED = {
    "not JSON": (*CREATED, b"{", 400, NULL),
    "not UTF-8": (*CREATED, b"\xff", 400, NULL),
    "list": (*CREATED, b"[]", 400, NULL),
    "string": (*CREATED, b'"a"', 400, NULL),
    "null": (*CREATED, b"null", 400, "1 validation error"),
    "number for a string": (*CREATED, b'{"EmailIdentity": 1}', 400, NULL),
    "map for a string": (*CREATED, b'{"EmailIdentity": {}}', 400, NULL),
    "map for a list": (*CREATED, b'{"EmailIdentity": "a.test", "Tags": {}}', 400, NULL),
    "list for a map": (*CREATED, b'{"DkimSigningAttributes": []}', 400, NULL),
    "types before all else": (*CREATED, b'{"EmailIdentity": "example.com", "Tags": 1}', 400, NULL),
    "unknown member": (*CREATED, b'{"EmailIdentity": "a.test", "Colour": 1}', 200, ""),
    "name in body and path": ("PUT", DKIM, b'{"EmailIdentity": "example.com"}', 400, "Domain a.test"),
    "string for a number": ("POST", "list-identities", b'{"PageSize": "1"}', 400, NULL),
    "number in a query": ("GET", "identities?PageSize=x", b"", 400, NULL),
    "unknown in a query": ("GET", "identities?Colour=x", b"", 200, ""),
    "not base64": ("POST", "outbound-emails", b'{"Content": {"Raw": {"Data": "*"}}}', 400, NULL),
    "blank name": ("PUT", "identities/%20/dkim/signing", BY_SES, 400, NO_DOMAIN),
}  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), MALFORMED.values(), ids=MALFORMED)
def test_malformed(here, ses, method, path, body, status, text):
    """F: whatever is sent, there is an answer; types are judged before anything else."""
    answer = send(here, method, f"/v2/email/{path}", body)
    assert answer[0] == status
    if text is NULL:
        assert answer[1] == {"message": None}
    elif status != 200:
        assert answer[1]["message"].startswith(text)


@pytest.mark.parametrize(("region", "status"), [("eu-west-1", 200), ("eu-nowhere-1", 403)])
def test_region(here, region, status):
    """A signature for a Region that is none gets no further."""
    assert send(here, "GET", "/v2/email/identities", region=region)[0] == status


@pytest.mark.parametrize("length", ["-1", "many"])
def test_length(here, length):
    """A length that is no number is as good as no body."""
    assert send(here, "POST", "/v2/email/identities", b"", length=length)[0] == 400
