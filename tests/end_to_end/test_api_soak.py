"""Hundreds of requests through the real SDK to a server that fails often, by a process that is killed twice.

The server counts: requests in its windows, tokens that it bills, and what arrives twice.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from pathlib import Path

import pytest
from api_fixtures import KEY, PROMPT, TOKEN_PRICE, access_of, drawn_images, fitted, prices_of
from gemini_server import GeminiServer

from arogya_bench.api_models.budget import read_spending
from arogya_bench.api_models.calls import Status
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_file import to_usd
from arogya_bench.models.gemini import GeminiClassifier

MODEL = "gemini-3.5-flash-lite"
CASES = 480  # with what is asked again, more than 500 requests
REQUESTS = 200  # in any window
BUDGET_USD = 1.0
FAULTS = {  # behaviours of the server: their share of the requests, and how the case ends if it stays so
    "500": (0.05, Status.FAILED),
    "html": (0.03, Status.FAILED),
    "503": (0.002, Status.FAILED),
    "not_json": (0.01, Status.FAILED),
    "dropped": (0.02, Status.FAILED),
    "slow": (0.01, Status.TIMED_OUT),
    "rate": (0.01, Status.FAILED),
    "malformed": (0.03, Status.MALFORMED),
    "doubled": (0.01, Status.MALFORMED),
    "truncated": (0.02, Status.TRUNCATED),
    "blocked": (0.02, Status.BLOCKED),
    "prompt_blocked": (0.01, Status.BLOCKED),
    "refusal": (0.01, Status.REFUSED),
}


def faulty(request):
    """The same fault for the same image and attempt, so that a run can be repeated."""
    rng = random.Random(f"{request.image_digest} {request.attempt}")
    shares = [share for share, _ in FAULTS.values()]
    return rng.choices([*FAULTS, "ok"], [*shares, 1 - sum(shares)])[0]


def predictor_of(url, window_s, folder):
    model = GeminiClassifier(
        prompt=PROMPT,
        base_url=url,
        image_size=32,
        requests_per_minute=REQUESTS,
        window_s=window_s,
        concurrency=16,
        timeout_s=1.0,
    )
    return fitted(model, folder, seed=1)


def ask_cell(url, window_s, folder):
    """What the process does: ask about all images, and write down how they ended."""
    predictor = predictor_of(url, window_s, folder / "fit")
    access = access_of(prices=prices_of(MODEL), budget_usd=BUDGET_USD)
    answers = predictor.answer_cell(iter(drawn_images(CASES)), CASES, access)
    (folder / "statuses.json").write_text(json.dumps(answers.columns["answer_status"]), encoding="utf-8")


def start(url, window_s, folder):
    folder.mkdir()
    variables = {"GEMINI_API_KEY": KEY, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment = {**os.environ, **variables, "AROGYA_API_LEDGER": str(folder.parent / "ledger.sqlite")}
    environment.pop("GOOGLE_API_KEY", None)
    command = [sys.executable, __file__, url, str(window_s), str(folder)]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def kill_after(server, requests, process):
    end = time.monotonic() + 600
    while len(server.requests) < requests:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.005)
    process.kill()
    process.communicate()


def answered_in(ledger, digests):
    """Digests of the images whose answers the ledger holds, by the keys of their requests."""
    return {digest for key, digest in digests.items() if CallLedger(ledger).find_answer(key) is not None}


@pytest.mark.slow
@pytest.mark.fuzz
@pytest.mark.timeout(1800)
def test_a_faulty_service_and_a_killed_process(request, tmp_path):
    window_s = 60.0 if request.config.getoption("soak") else 2.0
    ledger, kept = tmp_path / "ledger.sqlite", []
    with GeminiServer(faulty, latency_s=0.02, slow_s=2.0) as server:
        predictor = predictor_of(server.url, window_s, tmp_path / "fit")
        encoded = [predictor.encoding.encode(image) for image in drawn_images(CASES)]
        digests = {replace(predictor.template, image=image).key: sha256(image.content).hexdigest() for image in encoded}
        for number, requests in enumerate((180, 360)):
            kill_after(server, requests, start(server.url, window_s, tmp_path / f"killed-{number}"))
            kept.append((time.monotonic(), answered_in(ledger, digests)))
        process = start(server.url, window_s, tmp_path / "last")
        error = process.communicate()[1]
        assert process.returncode == 0, error

    statuses = json.loads((tmp_path / "last" / "statuses.json").read_text(encoding="utf-8"))
    last = {seen.image_digest: seen for seen in server.requests}
    expected = [ending(last[sha256(image.content).hexdigest()].behaviour) for image in encoded]
    again = [
        seen
        for moment, answered in kept
        for seen in server.requests
        if seen.at > moment and seen.image_digest in answered
    ]
    with CallLedger(ledger).connect() as connection:
        spending = read_spending(connection, access_of(prices=None).scope)
        in_flight = connection.execute("SELECT count(*) FROM attempts WHERE ended_at IS NULL").fetchone()[0]
    spent, possible, billed = to_usd(spending.spent), to_usd(spending.possible), billed_usd(server.tokens)
    faults = sum(seen.behaviour != "ok" for seen in server.requests)
    report(
        request,
        {
            "cases": CASES,
            "requests that the server saw": len(server.requests),
            "with a fault": f"{faults} ({faults / len(server.requests):.0%})",
            "answered before the kills": " and ".join(str(len(answered)) for _, answered in kept),
            "answered requests that were sent again": len(again),
            f"most requests in {window_s:g} s (limit {REQUESTS})": server.most_in_window(window_s),
            "spent by the ledger": f"{spent:.6f} USD",
            "billed by the server": f"{billed:.6f} USD",
            "possibly billed besides": f"{possible:.6f} USD",
            "budget": f"{BUDGET_USD:.2f} USD",
            **{f"cases that ended {status}": count for status, count in Counter(statuses).most_common()},
        },
    )

    assert len(server.requests) >= 500
    assert faults / len(server.requests) == pytest.approx(0.2, abs=0.05)
    assert statuses == expected
    assert again == []
    assert server.most_in_window(window_s) <= REQUESTS
    assert spent <= billed <= spent + possible
    assert spent + possible <= Decimal(str(BUDGET_USD))
    assert in_flight == 0
    assert not any(KEY.encode() in path.read_bytes() for path in tmp_path.glob("ledger.sqlite*"))


def ending(behaviour):
    return "ok" if behaviour == "ok" else FAULTS[behaviour][1].value


def billed_usd(tokens):
    cached = tokens.cached or 0
    prices = TOKEN_PRICE
    usd = (
        Decimal(tokens.input - cached) * Decimal(str(prices.input_per_million))
        + Decimal(cached) * Decimal(str(prices.cached_input_per_million))
        + Decimal(tokens.output + (tokens.thinking or 0)) * Decimal(str(prices.output_per_million))
    )
    return usd / 1_000_000


def report(request, counts):
    """Print the counts, also where output is captured."""
    plugins = request.config.pluginmanager
    reporter = plugins.getplugin("terminalreporter")
    if reporter is None:  # of a worker
        return
    with plugins.getplugin("capturemanager").global_and_fixture_disabled():
        reporter.write_line("")
        for name, count in counts.items():
            reporter.write_line(f"{name:48}{count!s:>20}")


if __name__ == "__main__":
    ask_cell(sys.argv[1], float(sys.argv[2]), Path(sys.argv[3]))
