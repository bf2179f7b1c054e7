"""
What botocore works out anew for each session, worked out once a process: longer than most tests
take.
"""

import functools
import types

import botocore.client
import botocore.hooks
import botocore.loaders
import botocore.session


def share_between_sessions():
    """
    From now on sessions share models and clients' classes of services, names of events, and what
    is known of handlers.
    """
    shared = functools.cache(botocore.loaders.create_loader)
    botocore.loaders.create_loader = vars(botocore.session)["create_loader"] = shared
    names: dict[str, str] = {}  # of events, each looked for in a table of other names
    botocore.hooks.EventAliaser._alias_name_cache = property(lambda _: names, lambda *_: None)
    accepts_kwargs = botocore.hooks.accepts_kwargs
    of_function = functools.cache(accepts_kwargs)

    def accepts(handler):
        # Of a method its function is kept, and not the client that it belongs to.
        function = getattr(handler, "__func__", handler)
        return (
            of_function(function)
            if isinstance(function, types.FunctionType)
            else accepts_kwargs(handler)
        )

    botocore.hooks.accepts_kwargs = accepts
    create_class = botocore.client.ClientCreator._create_client_class
    classes: dict[str, type] = {}

    def client_class(creator, service, model):
        if service not in classes:
            classes[service] = create_class(creator, service, model)
        return classes[service]

    botocore.client.ClientCreator._create_client_class = client_class
