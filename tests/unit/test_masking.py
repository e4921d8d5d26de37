"""What an archive for a bug report may not have in it."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from swarmops.commands import MASK
from swarmops.masking import Masker

KEY = "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("join with SWMTKN-1-2abc-3def now", f"join with {MASK} now"),
        ("key SWMKEY-1-4u+Y/c is", f"key {MASK} is"),
        (f"before\n{KEY}\nafter", f"before\n{MASK}\nafter"),
        (json.dumps({"data": KEY}), json.dumps({"data": MASK})),
        ("half of one: -----BEGIN PRIVATE KEY-----\nMHcC", f"half of one: {MASK}"),
        ("redis://:hunter2@cache:6379", f"redis://:{MASK}@cache:6379"),
        ("DBPASS=a\nPASS: b\nAPP_KEY=c\n", f"DBPASS={MASK}\nPASS: {MASK}\nAPP_KEY={MASK}\n"),
        ("pull https://bob:hunter2@ghcr.io/v2/", f"pull https://bob:{MASK}@ghcr.io/v2/"),
        ("Authorization: Basic Ym9iOmh1bnRlcjI=", f"Authorization: {MASK}"),
        ('header="Authorization: Bearer abc.def" ok', f'header="Authorization: {MASK}" ok'),
        ("sent bearer abcdefgh12345 to", f"sent bearer {MASK} to"),
        ('["DB_PASSWORD=two words", "A=b"]', f'["DB_PASSWORD={MASK}", "A=b"]'),
        ('{"password": "a\\"b", "user": "u"}', f'{{"password": "{MASK}", "user": "u"}}'),
        ("DB_PASSWORD=two words\nA=b", f"DB_PASSWORD={MASK}\nA=b"),
        ("  API_TOKEN: abc\n  A: b", f"  API_TOKEN: {MASK}\n  A: b"),
        ("  aws_secret_access_key: abc", f"  aws_secret_access_key: {MASK}"),
        ("DJANGO_SECRET_KEY=abc", f"DJANGO_SECRET_KEY={MASK}"),
        ('["SECRET_KEY_BASE=abc"]', f'["SECRET_KEY_BASE={MASK}"]'),
        ('{"secretKey": "abc"}', f'{{"secretKey": "{MASK}"}}'),
        ("postgres://u:p/w@h/db", f"postgres://u:{MASK}@h/db"),
        ("PASSWORD1=abc\nMYSQL_ROOT_PASSWORD_OLD: abc", f"PASSWORD1={MASK}\nMYSQL_ROOT_PASSWORD_OLD: {MASK}"),
        ('["API_TOKENS=abc", "JWT_KEY=abc"]', f'["API_TOKENS={MASK}", "JWT_KEY={MASK}"]'),
        ('["redis-server", "--requirepass", "abc"]', f'["redis-server", "--requirepass", "{MASK}"]'),
        ("redis-server --requirepass abc --port 1", f"redis-server --requirepass {MASK} --port 1"),
        ("mysql --password=abc db", f"mysql --password={MASK}"),
        ("{'password': 'abc', 'user': 'u'}", f"{{'password': '{MASK}', 'user': 'u'}}"),
        ("DB_PASS=abc\nMYSQL_PWD: abc", f"DB_PASS={MASK}\nMYSQL_PWD: {MASK}"),
    ],
)
def test_what_looks_like_a_secret(text: str, masked: str) -> None:
    assert Masker([]).text(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "",
        "password:\n  file: password.txt",
        "secrets:\n  stats:\n    x-generate: 24",
        '{"SecretName": "web_password_ab12", "SecretID": "x"}',
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        '{"Authorization": null, "Log": []}',
        "GET http://localhost:8000/ 200",
        "tokens: worker and manager",
        "PWD=/root\nOLDPWD=/\nCOMPASS=north\nBYPASS=1\nCACHE_KEY=web",
        '["PWD=/root"]',
        "PASSWORD_FILE=/run/secrets/password\nPUBLIC_KEY=abc",
        "docker login --password-stdin ghcr.io",
        "inv swarm.unlock --token --force",
        "http://localhost:8000/ of registry:5000/web@sha256:ab",
    ],
)
def test_what_is_none_stays(text: str) -> None:
    assert Masker([]).text(text) == text


@pytest.mark.parametrize("value", ["hunter2", "two words/+ü", 'qu"ote\\d', "first line\nsecond line\n"])
@pytest.mark.parametrize(
    "form",
    [
        lambda value: f"it is {value}.",
        lambda value: json.dumps({"a": value}),
        lambda value: json.dumps([f"X={value}"], ensure_ascii=False),
        lambda value: b64encode(value.encode()).decode(),
        lambda value: value.splitlines()[-1] + " in a log",
    ],
    ids=["plain", "json", "json with umlauts", "base64", "line"],
)
def test_known_values_in_every_form(value: str, form: object) -> None:
    text = form(value)  # type: ignore[operator]
    seen = Masker([value, "another"]).text(text)
    for part in (value.strip(), *value.splitlines(), b64encode(value.encode()).decode().rstrip("=")):
        assert part not in seen
        assert json.dumps(part)[1:-1] not in seen


def test_the_longer_of_two_values_goes_first() -> None:
    assert Masker(["pass", "password1"]).text("password1") == MASK


def test_a_value_that_everything_contains_is_left() -> None:
    assert Masker(["a", "12"]).text("a b 12") == "a b 12"
