"""The stand-in for Gemini does what tests rely on: limits that are exact, and counts."""

import base64
import json
import threading
import time
from http.client import HTTPConnection
from urllib.parse import urlsplit

from gemini_server import GeminiServer

from arogya_bench.prices.tokens import TokenUsage


def post(server, image=b"image", model="gemini-test", headers=()):
    blob = {"inlineData": {"mimeType": "image/png", "data": base64.urlsafe_b64encode(image).decode()}}
    body = json.dumps({"contents": [{"parts": [{"text": "which?"}, blob]}], "generationConfig": {}})
    return fetch(server, "POST", f"/v1/models/{model}:generateContent", body, headers)


def fetch(server, method, path, body=None, headers=()):
    connection = HTTPConnection(urlsplit(server.url).netloc, timeout=30)
    connection.request(method, path, body, dict(headers))
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


def test_a_sliding_window_refuses_what_is_above_and_says_how_long():
    with GeminiServer(limit=(3, 2.0)) as server:
        statuses = [post(server)[0] for _ in range(4)]
        refused = post(server)[1]
        delay = float(refused["error"]["details"][1]["retryDelay"].removesuffix("s"))
        time.sleep(delay)
        later = post(server)[0]

    assert statuses == [200, 200, 200, 429]
    assert 0 < delay <= 2.0
    assert later == 200
    assert [seen.over_limit for seen in server.requests] == [False] * 3 + [True] * 2 + [False]


def test_what_was_answered_is_counted():
    with GeminiServer(classes=("x", "y")) as server:
        usage = [post(server, image)[1]["usageMetadata"] for image in (b"1", b"2", b"1")]
        post(server, model="fake-500")

    assert server.tokens == TokenUsage(
        input=sum(each["promptTokenCount"] for each in usage),
        output=sum(each["candidatesTokenCount"] for each in usage),
    )
    assert [seen.attempt for seen in server.requests] == [1, 1, 2, 1]
    assert server.most_in_window(30) == 4
    assert server.requests[0].classes == ("x", "y")


def test_requests_at_once_are_counted():
    with GeminiServer(latency_s=0.2) as server:
        threads = [threading.Thread(target=post, args=(server,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert (server.most_in_flight, server.in_flight) == (3, 0)


def test_the_value_of_a_key_is_not_kept():
    with GeminiServer() as server:
        post(server, headers=[("x-goog-api-key", "a-secret")])
        post(server)

    assert [seen.has_key for seen in server.requests] == [True, False]
    assert "a-secret" not in repr([seen.headers for seen in server.requests])


def test_models_are_listed():
    with GeminiServer() as server:
        status, content = fetch(server, "GET", "/v1/models")

    assert status == 200
    assert {"name": "models/gemini-3.5-flash-lite"} in content["models"]
