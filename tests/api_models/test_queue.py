import asyncio
import gc
import multiprocessing
import threading
import time
import weakref
from dataclasses import replace
from decimal import Decimal

import pytest
from api_calls import MOST_USD, SERVER, USAGE, USD, Client, answer, good, number_of, request_of, requests_of

from arogya_bench.api_models.calls import CallError, Status
from arogya_bench.api_models.ledger import CallLedger
from arogya_bench.errors import ApiError, DatasetError
from arogya_bench.prices.tokens import TokenUsage


@pytest.fixture
def ledger(tmp_path):
    return tmp_path / "ledger.sqlite"


def in_flight(ledger):
    with CallLedger(ledger).connect() as connection:
        return connection.execute("SELECT count(*) FROM attempts WHERE ended_at IS NULL").fetchone()[0]


def statuses(outcomes):
    return [outcome.answer.status.value for outcome in outcomes]


def failing(times, error=SERVER):
    """The first attempts of each request fail."""
    return lambda request, n: error if n < times else good()


def test_outcomes_are_in_the_order_of_the_requests(ledger):
    async def slower_first(request):
        await asyncio.sleep(0.05 if number_of(request) == 0 else 0)
        return good(f"ok: {number_of(request)}", usage=TokenUsage(input=number_of(request) + 1, output=1))

    outcomes = answer(Client(lambda request, n: slower_first(request)), requests_of(8), ledger)

    assert [outcome.key for outcome in outcomes] == [request.key for request in requests_of(8)]
    assert [outcome.usage.input for outcome in outcomes] == list(range(1, 9))


def test_an_outcome_sums_up_what_was_asked(ledger):
    outcome = answer(Client(latency_s=0.02), [request_of()], ledger)[0]

    assert (outcome.attempts, outcome.usage, outcome.usd, outcome.possible_usd) == (1, USAGE, USD, 0)
    assert not outcome.reused
    assert abs(outcome.asked_at - time.time()) < 30
    assert outcome.latency_ms > 19
    assert outcome.retry_ms == 0


def test_at_most_as_many_are_in_flight_as_allowed(ledger):
    client = Client(latency_s=0.01)

    answer(client, requests_of(20), ledger, concurrency=3)

    assert client.most_in_flight == 3
    assert client.closed


def test_no_more_images_than_twice_that_are_in_memory(ledger):
    alive, most = weakref.WeakSet(), []

    def draw():
        for number in range(40):
            gc.collect()  # tasks end in cycles
            most.append(len(alive))
            request = request_of(number)
            alive.add(request.image)
            yield request
            del request

    client = Client(latency_s=0.005)
    client.sent = _Counts()
    gc.freeze()  # the objects of other tests would make every collection slow
    try:
        answer(client, draw(), ledger, concurrency=2)
    finally:
        gc.unfreeze()

    assert max(most) <= 4


class _Counts(list):
    """Forgets what is appended, so that the client of this test holds no image."""

    def append(self, item):
        pass


def test_a_second_run_sends_nothing_and_finds_the_same(ledger):
    first = answer(Client(), requests_of(5), ledger)
    client = Client()

    second = answer(client, requests_of(5), ledger)

    assert client.sent == []
    assert all(outcome.reused and outcome.latency_ms is None for outcome in second)
    assert [replace(outcome, latency_ms=None, wait_ms=None, retry_ms=None, reused=True) for outcome in first] == second


def test_one_changed_byte_is_sent(ledger):
    answer(Client(), requests_of(5), ledger)
    client = Client()

    answer(client, [*requests_of(4), request_of(77)], ledger)

    assert client.numbers == [77]


def test_equal_requests_are_sent_once(ledger):
    client = Client(latency_s=0.01)

    outcomes = answer(client, [request_of(0), request_of(1), request_of(0), request_of(0)], ledger)

    assert sorted(client.numbers) == [0, 1]
    assert [outcome.reused for outcome in outcomes] == [False, False, True, True]
    assert outcomes[2].usd == outcomes[0].usd
    assert outcomes[2].latency_ms is None


@pytest.mark.parametrize("kind", ["server", "connection", "timeout", "rate"])
def test_what_may_pass_is_tried_again(kind, ledger):
    client = Client(failing(2, CallError(kind, "once more")))

    outcome = answer(client, [request_of()], ledger)[0]

    assert (outcome.answer.status, outcome.attempts, outcome.usd) == (Status.OK, 3, USD)
    assert outcome.retry_ms > 0


@pytest.mark.parametrize(("kind", "status"), [("server", "failed"), ("connection", "failed"), ("timeout", "timed_out")])
def test_after_all_attempts_the_case_has_no_answer_and_is_asked_again_later(kind, status, ledger):
    client = Client(failing(99, CallError(kind, "nobody is there")))
    outcome = answer(client, [request_of()], ledger)[0]

    assert (outcome.answer.status, outcome.attempts, len(client.sent)) == (status, 3, 3)
    assert outcome.answer.problem == "nobody is there"
    assert outcome.usd == 0

    later = answer(Client(), [request_of()], ledger)[0]

    assert (later.answer.status, later.attempts, later.reused) == (Status.OK, 4, False)


def test_no_answer_in_time_is_a_timeout_that_may_be_billed(ledger):
    outcome = answer(Client(latency_s=5), [request_of()], ledger, timeout_s=0.05, attempts=1)[0]

    assert outcome.answer.status is Status.TIMED_OUT
    assert outcome.possible_usd == MOST_USD
    assert in_flight(ledger) == 0


@pytest.mark.parametrize("text", ["blocked: safety", "refused: as a model"])
def test_blocked_and_refused_are_never_asked_again(text, ledger):
    client = Client(lambda request, n: good(text))

    for _ in range(2):
        outcome = answer(client, [request_of()], ledger)[0]

    assert len(client.sent) == 1
    assert outcome.answer.status.value == text.split(":")[0]


def test_a_malformed_answer_is_asked_for_three_times_and_paid_each_time(ledger):
    client = Client(lambda request, n: good("malformed: a comma"))
    outcome = answer(client, [request_of()], ledger)[0]

    assert (outcome.answer.status, outcome.attempts, outcome.usd) == (Status.MALFORMED, 3, 3 * USD)
    assert outcome.usage.output == 300

    answer(client, [request_of()], ledger)

    assert len(client.sent) == 3


def test_a_cut_answer_is_asked_for_once_more_with_twice_the_limit(ledger):
    client = Client(lambda request, n: good(finish="length"))

    outcomes = answer(client, [request_of()], ledger)
    answer(client, [request_of()], ledger)

    assert client.limits == [400, 800]
    assert statuses(outcomes) == ["truncated"]


def test_an_answer_after_a_cut_one_counts(ledger):
    client = Client(lambda request, n: good(finish="length") if n == 0 else good())

    assert statuses(answer(client, [request_of()], ledger)) == ["ok"]


def test_a_rejection_ends_the_cell_at_once_and_says_the_fix(ledger):
    client = Client(lambda request, n: CallError("rejected", "no such model", fix="set model.id"))

    with pytest.raises(ApiError, match=r"no such model\nFix: set model\.id"):
        answer(client, requests_of(50), ledger, concurrency=2)

    assert len(client.sent) < 10
    assert client.closed
    assert in_flight(ledger) == 0


def test_an_image_that_the_service_does_not_take_is_an_outcome_where_others_are_answered(ledger):
    odd = CallError("rejected", "400: cannot process the image", of_image=True)
    client = Client(lambda request, n: odd if number_of(request) == 2 else good())

    outcomes = answer(client, requests_of(4), ledger, concurrency=1)
    again = Client()
    answer(again, requests_of(4), ledger)

    assert [outcome.answer.status for outcome in outcomes] == [Status.OK, Status.OK, Status.REJECTED, Status.OK]
    assert (outcomes[2].usd, outcomes[2].possible_usd) == (0, 0)
    assert again.sent == []


def test_a_service_that_takes_no_image_ends_the_cell(ledger):
    client = Client(lambda request, n: CallError("rejected", "400: bad request", of_image=True))

    with pytest.raises(ApiError, match="400: bad request"):
        answer(client, requests_of(4), ledger, concurrency=1)

    assert len(client.sent) == 1


def test_a_key_that_a_service_quotes_is_not_stored(ledger, monkeypatch):
    monkeypatch.setenv("GEMINI_API_KEY", "AIza-a-key-that-nobody-may-see")
    told = "ok: AIza-a-key-that-nobody-may-see"
    client = Client(lambda request, n: good(told, model_version=f"model-1 {told}", detail=told))

    answer(client, requests_of(1), ledger)

    assert b"AIza" not in b"".join(file.read_bytes() for file in ledger.parent.iterdir())


def test_what_is_in_flight_when_the_cell_ends_is_written_down(ledger):
    async def behave(request):
        if number_of(request) == 0:
            await asyncio.sleep(0.02)
            return CallError("rejected", "no such model")
        await asyncio.sleep(0.1)
        return good()

    with pytest.raises(ApiError):
        answer(Client(lambda request, n: behave(request)), requests_of(4), ledger)
    client = Client()
    answer(client, requests_of(4), ledger)

    assert client.numbers == [0]


def test_the_quota_of_the_day_ends_the_cell_and_the_same_command_resumes(ledger):
    spent = CallError("day", "quota PerDay", retry_after_s=1.0)
    client = Client(lambda request, n: good() if number_of(request) < 3 else spent)

    with pytest.raises(ApiError, match=r"quota PerDay[\s\S]*the same command after"):
        answer(client, requests_of(9), ledger, concurrency=1)
    other = Client()
    with pytest.raises(ApiError, match="the quota of the day is spent"):
        answer(other, requests_of(2, prompt="another cell"), ledger)
    time.sleep(1.0)
    rest = Client()
    answer(rest, requests_of(9), ledger)

    assert other.sent == []
    assert sorted(rest.numbers) == list(range(3, 9))


def test_a_quota_of_the_day_without_a_time_is_renewed_within_24_hours(ledger):
    client = Client(lambda request, n: CallError("day", "quota PerDay"))

    with pytest.raises(ApiError, match=r"quota PerDay[\s\S]*within 24 hours"):
        answer(client, requests_of(1), ledger)


def test_a_wait_of_hours_ends_the_cell(ledger):
    client = Client(lambda request, n: CallError("rate", "busy", retry_after_s=7200.0))

    with pytest.raises(ApiError, match="busy\nFix: run the same command after 20"):
        answer(client, requests_of(3), ledger)


def test_a_service_that_answers_nothing_is_dead(ledger):
    client = Client(failing(99))

    with pytest.raises(ApiError, match=r"none of 10 requests in a row; the last: 500[\s\S]*resumes"):
        answer(client, requests_of(100), ledger, attempts=1, concurrency=2)

    assert len(client.sent) < 30


def test_failures_between_answers_do_not_end_the_cell(ledger):
    client = Client(lambda request, n: SERVER if number_of(request) % 10 else good())

    outcomes = answer(client, requests_of(60), ledger, attempts=1, concurrency=1)

    assert statuses(outcomes).count("failed") == 54


def other_model(version):
    if version != "model-1":
        raise ApiError(f"{version} answered", fix="allow it.")


def test_another_model_than_asked_ends_the_cell_and_its_answer_is_not_final(ledger):
    client = Client(lambda request, n: good(model_version="model-2" if n == 0 else "model-1"))

    with pytest.raises(ApiError, match="model-2 answered"):
        answer(client, [request_of()], ledger, check=other_model)
    again = answer(client, [request_of()], ledger, check=other_model)[0]

    assert (again.answer.status, again.model_version, again.attempts) == (Status.OK, "model-1", 2)


def test_a_model_that_changes_within_a_cell_ends_it(ledger):
    client = Client(lambda request, n: good(model_version=f"model-1-{number_of(request) // 2:03}"))

    with pytest.raises(ApiError, match=r"model-1-000 answered, and then model-1-001[\s\S]*allow_substitution"):
        answer(client, requests_of(4), ledger, concurrency=1)
    with pytest.raises(ApiError, match="changed within a cell"):  # also where the answers are in the ledger
        answer(Client(), requests_of(3), ledger, concurrency=1)
    outcomes = answer(client, requests_of(4), ledger, one_version=False)

    assert [outcome.model_version for outcome in outcomes] == ["model-1-000"] * 2 + ["model-1-001"] * 2


def test_a_delay_of_the_server_is_waited_for_by_all(ledger):
    times = []

    def behave(request, n):
        times.append(time.monotonic())
        return CallError("rate", "slow down", retry_after_s=0.4) if len(times) == 1 else good()

    outcomes = answer(Client(behave, latency_s=0.01), requests_of(20), ledger, concurrency=2)

    waits = [moment - times[0] for moment in times]
    assert statuses(outcomes) == ["ok"] * 20
    assert not any(0.2 < wait < 0.38 for wait in waits)  # before, some were in flight or about to be
    assert max(waits) > 0.38


def test_a_delay_that_the_server_names_is_no_failed_attempt(ledger):
    client = Client(failing(7, CallError("rate", "slow down", retry_after_s=0.01)))

    outcome = answer(client, [request_of()], ledger, attempts=2)[0]

    assert (outcome.answer.status, outcome.attempts) == (Status.OK, 8)


def test_a_server_that_always_names_a_delay_is_given_up(ledger):
    client = Client(failing(999, CallError("rate", "slow down", retry_after_s=0.0)))

    outcome = answer(client, [request_of()], ledger)[0]

    assert (outcome.answer.status, outcome.attempts) == (Status.FAILED, 20)


def test_our_own_limit_of_the_day_ends_the_cell(ledger):
    client = Client()

    with pytest.raises(ApiError, match=r"model.requests_per_day"):
        answer(client, requests_of(9), ledger, requests_per_day=4)

    assert len(client.sent) == 4


def test_an_image_that_cannot_be_read_ends_the_cell_and_loses_no_answer(ledger):
    def draw():
        yield from requests_of(3)
        raise DatasetError("image 3 is damaged", fix="replace it.")

    first, second = Client(latency_s=0.1), Client()
    with pytest.raises(DatasetError, match="image 3"):
        answer(first, draw(), ledger)
    answer(second, requests_of(3), ledger)

    assert sorted(first.numbers + second.numbers) == [0, 1, 2]


def test_an_error_of_an_adapter_leaves_nothing_in_flight(ledger):
    def behave(request, n):
        raise KeyError("candidates")

    with pytest.raises(KeyError, match="candidates"):
        answer(Client(behave), requests_of(3), ledger)

    assert in_flight(ledger) == 0


def test_nothing_is_spent_where_nobody_bills(ledger):
    outcome = answer(Client(), [request_of()], ledger, rates=None, usd=0.0)[0]

    assert outcome.usd is None
    assert outcome.possible_usd == Decimal(0)


def test_an_answer_without_a_number_of_tokens_may_have_cost_the_most(ledger):
    reply = good(usage=replace(USAGE, input=None, output=None))

    outcome = answer(Client(lambda request, n: reply), [request_of()], ledger)[0]

    assert (outcome.usd, outcome.possible_usd) == (0, MOST_USD)


def test_it_works_where_a_loop_is_running_as_in_a_notebook(ledger):
    async def cell():
        return answer(Client(), requests_of(3), ledger)

    assert statuses(asyncio.run(cell())) == ["ok"] * 3


def test_it_works_in_a_thread_and_in_a_forked_process(ledger):
    found = []
    thread = threading.Thread(target=lambda: found.extend(answer(Client(), requests_of(2), ledger)))
    thread.start()
    thread.join()
    context = multiprocessing.get_context("fork")
    child = context.Process(target=lambda: answer(Client(), requests_of(4), ledger))
    child.start()
    child.join()
    client = Client()
    answer(client, requests_of(5), ledger)

    assert len(found) == 2
    assert child.exitcode == 0
    assert client.numbers == [4]


def test_an_empty_cell_is_answered(ledger):
    assert answer(Client(), [], ledger) == []
