import pytest

from arogya_bench.runtime.redaction import find_secrets, is_secret, redact, redact_config, register_secrets


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "model.api_key",
        "GEMINI_API_KEY",
        "HF_TOKEN",
        "AWS_SECRET_ACCESS_KEY",
        "MLFLOW_TRACKING_PASSWORD",
        "tracking.token",
        "azure_account_key",
    ],
)
def test_a_name_says_that_it_holds_a_secret(name):
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["tokenizer", "max_new_tokens", "pad_token", "key", "monkey", "secretary", "passwords_n"]
)
def test_an_ordinary_name_is_left_alone(name):
    assert not is_secret(name)


def test_the_secrets_of_the_environment_are_masked(monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "xyzzy-plugh")
    monkeypatch.setenv("SOME_PLACE", "xanadu-palace")

    assert redact("sent xyzzy-plugh to xanadu-palace") == "sent *** to xanadu-palace"


def test_a_short_value_is_no_secret_worth_a_mask(monkeypatch):
    monkeypatch.setenv("USE_TOKEN", "true")

    assert redact("it is true") == "it is true"


def test_a_protected_value_is_masked_from_then_on():
    register_secrets(["open-sesame"])

    assert redact("he said open-sesame aloud") == "he said *** aloud"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("model.api_key=abc seed=1", "model.api_key=*** seed=1"),
        ("+model.password='a b' seed=1", "+model.password=*** seed=1"),
        ("{'token': 'abc', 'n': 3}", "{'token': ***, 'n': 3}"),
        ('Client(api_key="abc")', "Client(api_key=***)"),
        ("pad_token=[PAD]", "pad_token=[PAD]"),
        ("accuracy=0.9", "accuracy=0.9"),
        ("+model.options=[{api_key: hunter22x}] n=1", "+model.options=[{api_key: ***}] n=1"),
        ("opts:\n- auth:\n    token: abcdefgh\nn: 1", "opts:\n- auth:\n    token: ***\nn: 1"),
        ("{'auth': {'token': 'abcdefgh'}, 'n': 3}", "{'auth': {'token': ***}, 'n': 3}"),
        ("{'opts': [{'token': 'abcdefgh'}, {'n': 3}]}", "{'opts': [{'token': ***}, {'n': 3}]}"),
        ("token=[abcdefgh,ijkl] n=[1,2]", "token=*** n=[1,2]"),
        ("severities=[0.1,0.2] seed=1", "severities=[0.1,0.2] seed=1"),
    ],
)
def test_what_stands_behind_a_secret_name_is_masked(text, masked):
    assert redact(text) == masked


def test_a_config_is_shown_without_its_secrets():
    config = {"model": {"name": "m", "api_key": "abcdef"}, "seed": 1, "token": None}

    assert redact_config(config) == {"model": {"name": "m", "api_key": "***"}, "seed": 1, "token": None}
    assert list(find_secrets(config)) == ["abcdef"]


def test_secrets_in_lists_are_found():
    config = {"opts": [{"api_key": "abcdef", "n": 1}, 2], "token": ["ghijkl"]}

    assert redact_config(config) == {"opts": [{"api_key": "***", "n": 1}, 2], "token": ["***"]}
    assert list(find_secrets(config)) == ["abcdef", "ghijkl"]
