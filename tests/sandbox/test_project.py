"""What a run of a project leaves in this process: nothing that fails later."""

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from pulumi.runtime import settings

from sandbox.pulumi.language_host import close_loop


def test_no_task_is_left(monkeypatch):
    """
    A program that was cut off while it waits, and waits for its resources when it is ended, ends
    here.
    """
    left = []
    gc.collect()  # what other tests have left
    monkeypatch.setattr(sys, "unraisablehook", left.append)

    async def program():
        try:
            await asyncio.Event().wait()
        except BaseException:
            await asyncio.sleep(0)
            raise

    async def engine_is_gone():
        sys.exit(0)

    async def run():
        tasks.append(asyncio.create_task(program()))
        tasks.append(asyncio.create_task(engine_is_gone()))
        await asyncio.Event().wait()

    tasks = []
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(run())
    except SystemExit:
        tasks.clear()
    close_loop(loop)
    del loop
    gc.collect()
    assert left == []


class Anything(grpc.GenericRpcHandler):
    """Answers any call."""

    def service(self, _):
        return grpc.unary_unary_rpc_method_handler(lambda request, context: b"")


def served(address):
    server = grpc.server(ThreadPoolExecutor(1), handlers=[Anything()])
    port = server.add_insecure_port(address)
    server.start()
    return server, f"127.0.0.1:{port}"


def test_port_of_an_engine_that_ended():
    """
    An engine at the port of one that has ended is called at once, and not when that is tried again.
    """

    def connected():
        return grpc.insecure_channel(address, options=settings._GRPC_CHANNEL_OPTIONS)

    first, address = served("127.0.0.1:0")
    first.stop(None).wait()
    left = connected()
    with pytest.raises(grpc.RpcError):
        left.unary_unary("/any/Method")(b"")
    second, _ = served(address)
    try:
        assert connected().unary_unary("/any/Method")(b"") == b""
    finally:
        second.stop(None).wait()
