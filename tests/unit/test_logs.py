"""Logs are of one form, whoever writes them: a line of JSON each, where machines read them."""

import json
import subprocess
import sys

CODE = """
import logging, structlog
from controlplane.cli.logs import configure_logs
configure_logs("json")
structlog.get_logger().info("ours", number=7)
logging.getLogger("psycopg.pool").warning("error connecting in %r", "controlplane api")
logging.getLogger("uvicorn.error").info("not for operators")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("asyncio").exception("of two\\nlines")
"""


def test_each_line_is_json() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    ours, pool, traced = (json.loads(line) for line in done.stderr.splitlines())
    assert (ours["event"], ours["level"], ours["number"]) == ("ours", "info", 7)
    assert (pool["event"], pool["level"]) == ("error connecting in 'controlplane api'", "warning")
    assert "ZeroDivisionError" in traced["exception"]
    assert all("timestamp" in line for line in (ours, pool, traced))
