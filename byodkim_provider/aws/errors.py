"""
What to do about an error code of AWS that does not depend on the call: permissions, credentials.

Codes and texts only. They are the same from all services, from botocore and from pulumi-aws.
"""

from __future__ import annotations

from typing import Final

__all__ = ["next_step"]

NOT_ALLOWED: Final = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})

NOT_SIGNED_IN: Final = frozenset(
    {
        # AWS: "Common error types" of the API references, STS and S3.
        *("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"),
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId", "InvalidToken"),
        *("MissingAuthenticationToken", "MissingAuthenticationTokenException", "AuthFailure"),
        *("SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature"),
        # botocore
        *("NoCredentialsError", "PartialCredentialsError", "CredentialRetrievalError", "TokenRetrievalError"),
        *("SSOTokenLoadError", "UnauthorizedSSOTokenError", "LoginTokenLoadError"),
    }
)


def next_step(code: str) -> str:
    """
    What helps against *code*; "" if that depends on the call.

    >>> next_step("AccessDenied")
    '`byodkim iam-policy` prints the policy that these credentials need'
    """
    if code in NOT_ALLOWED:
        return "`byodkim iam-policy` prints the policy that these credentials need"
    if code in NOT_SIGNED_IN:
        return "renew the credentials until `aws sts get-caller-identity` works"
    return ""
