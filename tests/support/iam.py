"""What IAM makes of a policy."""

import fnmatch

OPERATORS = (
    *("StringEquals", "StringLike", "StringLikeIfExists"),
    *("ForAllValues:StringEquals", "ForAllValues:StringLike", "ForAnyValue:StringEquals"),
)


def ensure_list(value):
    return value if isinstance(value, list) else [value]


def is_allowed(document, action, resource, context):
    """
    As IAM judges a call with *context*: without the key a condition fails, but for one with
    IfExists.
    """

    def holds(operator, key, patterns):
        assert operator in OPERATORS
        if key not in context:
            return operator.endswith("IfExists")
        hits = [
            any(fnmatch.fnmatchcase(value, pattern) for pattern in ensure_list(patterns))
            for value in ensure_list(context[key])
        ]
        return any(hits) if operator.startswith("ForAny") else all(hits)

    return any(
        action in one["Action"]
        and any(fnmatch.fnmatchcase(resource, pattern) for pattern in ensure_list(one["Resource"]))
        and all(
            holds(operator, *pair)
            for operator, pairs in one.get("Condition", {}).items()
            for pair in pairs.items()
        )
        for one in document["Statement"]
    )
