"""
What to do about AWS error codes that can come from any call: permissions, credentials.

Codes and hints only. All services, botocore and pulumi-aws use the same codes.
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
    What the user can do about *code*; "" if that depends on the call.

    >>> next_step("AccessDenied")
    '`byodkim iam-policy` prints the policy that these credentials need'
    """
    if code in NOT_ALLOWED:
        return "`byodkim iam-policy` prints the policy that these credentials need"
    if code in NOT_SIGNED_IN:
        return "renew the credentials until `aws sts get-caller-identity` works"
    return ""
