"""What a run of a project leaves in this process: nothing that fails later."""

import asyncio
import gc
import sys

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
