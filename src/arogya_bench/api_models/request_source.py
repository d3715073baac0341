"""Requests drawn one by one from their source, which decodes and encodes an image for each."""

from collections.abc import Iterator

from arogya_bench.api_models.calls import ApiRequest


def next_request(requests: Iterator[ApiRequest]) -> ApiRequest | None:
    """The next request with its digest computed, so that no image is hashed in an event loop; None at the end."""
    request = next(requests, None)
    if request is not None:
        request.key  # noqa: B018
    return request
