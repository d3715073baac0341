import pytest
from api_calls import (
    MOST_USD,
    USAGE,
    USD,
    BatchServer,
    Client,
    answer,
    batched,
    good,
    request_of,
    requests_of,
    start_process,
    wait_for,
)

from arogya_bench.api_models import cell_batches
from arogya_bench.api_models.budget import read_spending
from arogya_bench.api_models.calls import CallError, EncodedImage, Status
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.api_models.ledger_file import to_units
from arogya_bench.errors import ApiError, BudgetExceeded
from arogya_bench.prices.tokens import TokenUsage


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.sqlite"


def spending_in(ledger):
    with CallLedger(ledger).connect() as connection:
        return read_spending(connection, "scope")


def test_a_cell_is_one_batch_and_its_answers_are_found_by_key(ledger, tmp_path):
    server = BatchServer(
        tmp_path / "batches", lambda number, n: good(usage=TokenUsage(input=number + 1, output=1)), polls=3
    )

    outcomes = batched(server, requests_of(6), ledger)

    assert server.numbers == [list(range(6))]
    assert server.asked == 4
    assert [outcome.usage.input for outcome in outcomes] == list(range(1, 7))
    assert all(outcome.answer.status is Status.OK for outcome in outcomes)
    assert all(outcome.latency_ms is None and not outcome.reused for outcome in outcomes)


def test_a_second_run_sends_nothing_with_and_without_batches(ledger, tmp_path):
    server, client = BatchServer(tmp_path / "batches"), Client()
    batched(server, requests_of(4), ledger)

    again = batched(server, requests_of(4), ledger)
    answer(client, requests_of(4), ledger)

    assert len(server.batches) == 1
    assert client.sent == []
    assert all(outcome.reused for outcome in again)


def test_equal_requests_are_sent_once(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")

    outcomes = batched(server, [request_of(0), request_of(1), request_of(0)], ledger)

    assert server.numbers == [[0, 1]]
    assert [outcome.reused for outcome in outcomes] == [False, False, True]


def test_items_may_fail_alone_and_are_sent_once_more(ledger, tmp_path):
    def behave(number, n):
        return CallError("server", "internal") if number == 1 and n == 0 else None if number == 2 else good()

    server = BatchServer(tmp_path / "batches", behave)
    outcomes = batched(server, requests_of(4), ledger)

    assert server.numbers == [[0, 1, 2, 3], [1, 2]]
    assert [outcome.answer.status.value for outcome in outcomes] == ["ok", "ok", "failed", "ok"]
    assert [outcome.attempts for outcome in outcomes] == [1, 2, 2, 1]
    assert "no answer" in outcomes[2].answer.problem


def test_cut_answers_are_sent_once_more_with_twice_the_limit(ledger, tmp_path):
    def behave(number, n):
        return good(finish="length") if n == 0 and number < 2 else good("malformed: x") if number == 2 else good()

    server = BatchServer(tmp_path / "batches", behave)
    outcomes = batched(server, requests_of(4), ledger)

    assert server.limits == [400, 400, 800, 400]
    assert [outcome.answer.status.value for outcome in outcomes] == ["ok", "ok", "malformed", "ok"]
    assert outcomes[2].usd == 3 * USD


def test_batches_stay_below_the_limit_of_bytes(ledger, tmp_path, monkeypatch):
    monkeypatch.setattr(cell_batches, "BATCH_BYTES", 30_000)
    server = BatchServer(tmp_path / "batches")
    images = [EncodedImage(content=f"image {n} {'x' * 9_000}".encode(), mime_type="image/png") for n in range(5)]

    batched(server, [request_of(image=image) for image in images], ledger)

    assert server.numbers == [[0, 1], [2, 3], [4]]


def test_a_killed_process_is_continued_by_the_next(ledger, tmp_path):
    program = (
        "batched(BatchServer(Path(sys.argv[1]).parent / 'batches', polls=10**6), requests_of(5), sys.argv[1], usd=1.0)"
    )
    process = start_process(tmp_path, program, ledger)
    wait_for(lambda: ledger.exists() and names_in(ledger))
    process.kill()
    process.communicate()
    reserved = spending_in(ledger)
    server = BatchServer(tmp_path / "batches")

    outcomes = batched(server, requests_of(5), ledger, usd=1.0)

    assert reserved.in_batches == 5 * to_units(MOST_USD)
    assert len(server.batches) == 1
    assert [outcome.answer.status.value for outcome in outcomes] == ["ok"] * 5
    assert spending_in(ledger).spent == 5 * to_units(USD)
    assert spending_in(ledger).in_batches == spending_in(ledger).possible == 0


def names_in(ledger):
    with CallLedger(ledger).connect() as connection:
        return [row["name"] for row in connection.execute("SELECT name FROM batches WHERE name IS NOT NULL")]


def test_a_process_that_was_killed_before_it_had_the_name_reserves_nothing_for_ever(ledger, tmp_path):
    program = (
        "class Slow(BatchServer):\n"
        "    async def submit(self, requests, *, max_output_tokens): await asyncio.sleep(60)\n"
        "batched(Slow(Path('batches')), requests_of(2), sys.argv[1], usd=1.0)"
    )
    process = start_process(tmp_path, program, ledger)
    wait_for(lambda: ledger.exists() and spending_in(ledger).in_batches)
    process.kill()
    process.communicate()

    outcomes = batched(BatchServer(tmp_path / "batches"), requests_of(2), ledger, usd=1.0)

    assert [outcome.possible_usd for outcome in outcomes] == [MOST_USD] * 2
    assert spending_in(ledger).in_batches == 0


def test_what_is_in_a_batch_is_not_sent_singly(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")
    server.collect_errors = [CallError("server", "500")] * 3
    with pytest.raises(ApiError, match="cannot be collected"):
        batched(server, requests_of(2), ledger)
    client = Client()

    with pytest.raises(ApiError, match=r"model\.batch=true"):
        answer(client, requests_of(2), ledger)

    assert client.sent == []
    assert len(batched(server, requests_of(2), ledger)) == 2
    assert len(server.batches) == 1


def test_a_batch_that_the_provider_does_not_know_is_given_up_and_may_be_billed(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")
    server.collect_errors = [CallError("rejected", "404 no such batch")]

    with pytest.raises(ApiError, match="404 no such batch"):
        batched(server, requests_of(2), ledger)
    outcomes = batched(server, requests_of(2), ledger)

    assert len(server.batches) == 2
    assert [outcome.possible_usd for outcome in outcomes] == [MOST_USD] * 2


def test_a_batch_that_surely_did_not_arrive_is_submitted_again(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")
    server.submit_errors = [CallError("rate", "busy", retry_after_s=0.01), CallError("server", "503")]

    assert len(batched(server, requests_of(2), ledger)) == 2


def test_a_batch_that_may_have_arrived_is_not_submitted_again(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")
    server.submit_errors = [CallError("timeout", "no answer", may_be_billed=True)]

    with pytest.raises(ApiError, match="was not accepted: no answer"):
        batched(server, requests_of(2), ledger)

    assert server.batches == []
    assert spending_in(ledger).possible == 2 * to_units(MOST_USD)
    assert spending_in(ledger).in_batches == 0


def test_batches_are_as_large_as_the_budget_allows(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches")

    with pytest.raises(BudgetExceeded):
        batched(server, requests_of(9), ledger, usd=0.005)

    assert server.numbers == [[0, 1, 2], [3, 4], [5], [6]]  # the most is reserved, and less than half of it is spent
    assert spending_in(ledger).spent == 7 * to_units(USD)


def test_another_model_than_asked_ends_the_cell_after_all_is_written_down(ledger, tmp_path):
    server = BatchServer(tmp_path / "batches", lambda number, n: good(model_version="model-2"))

    def check(version):
        raise ApiError(f"{version} answered", fix="allow it.")

    with pytest.raises(ApiError, match="model-2 answered"):
        batched(server, requests_of(3), ledger, check=check)

    assert len(CallLedger(ledger).attempts(requests_of(3)[2].key)) == 1
    assert CallLedger(ledger).attempts(requests_of(3)[2].key)[0].reply.usage == USAGE
