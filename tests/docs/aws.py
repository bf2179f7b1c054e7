"""
Stands in for AWS's command line, `aws SERVICE ACTION --name value …`: made of the same service
models.

What an action or a name is called follows from the model. A value that is not plain text is JSON,
or AWS's shorthand for a map of strings, `Name=value,Name=value`.
"""

import json
import os
import sys

import boto3
import jmespath
from botocore import xform_name


def main(service: str, action: str, *arguments: str) -> None:
    options = dict(zip(arguments[::2], arguments[1::2], strict=True))
    region = options.pop("--region", os.environ["AWS_REGION"])
    client = boto3.client(service, region_name=region)
    operation = client.meta.method_to_api_mapping[action.replace("-", "_")]
    members = client.meta.service_model.operation_model(operation).input_shape.members
    names = {f"--{xform_name(name, '-')}": name for name in members}
    query = options.pop("--query", "@")
    is_text = options.pop("--output", "json") == "text"
    parameters = {
        names[option]: parsed(members[names[option]].type_name, value)
        for option, value in options.items()
    }
    answer = getattr(client, xform_name(operation))(**parameters)
    answer.pop("ResponseMetadata")
    found = jmespath.search(query, answer)
    print(found if is_text else json.dumps(found, indent=4, default=str))


def parsed(kind: str, value: str) -> object:
    if kind == "string":
        return value
    if kind == "structure" and not value.startswith("{"):
        return dict(pair.split("=", 1) for pair in value.split(","))
    return json.loads(value)


if __name__ == "__main__":
    main(*sys.argv[1:])
