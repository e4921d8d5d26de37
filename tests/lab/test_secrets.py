"""The last look at the lab: at everything that any command of this run printed, wrote and logged."""

from __future__ import annotations

import json

from engine import Lab, docker, passwords, said


def test_no_join_token_was_ever_shown(lab: Lab) -> None:
    tokens = [
        lab.node("manager", "docker", "swarm", "join-token", "-q", role).out.strip() for role in ("worker", "manager")
    ]
    assert all(token.startswith("SWMTKN-") for token in tokens)
    logs = [docker("logs", name).text for name in lab.containers()]
    written = [path.read_text(errors="replace") for path in lab.folder.rglob("*") if path.is_file()]
    made = [json.dumps(one) for one in lab.containers().values()]
    assert said
    for text in (*said, *logs, *written, *made):
        assert not any(token in text for token in tokens)
        assert "SWMTKN-" not in text


def test_no_password_was_ever_shown(lab: Lab) -> None:
    texts = (*said, *(docker("logs", name).text for name in lab.containers()))
    assert not [password for password in passwords if any(password in text for text in texts)]
