"""The login of the tracking server: one administrator, whose password stays out of commands."""

import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path

USERNAME_ENV, PASSWORD_ENV = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
ADMIN_USERNAME_ENV, ADMIN_PASSWORD_ENV = "MLFLOW_AUTH_ADMIN_USERNAME", "MLFLOW_AUTH_ADMIN_PASSWORD"


def load_login(folder: Path) -> dict[str, str]:
    """The administrator's login: from the environment, the folder, or newly generated."""
    user = os.environ.get(ADMIN_USERNAME_ENV, "admin")
    if password := os.environ.get(ADMIN_PASSWORD_ENV):
        return {USERNAME_ENV: user, PASSWORD_ENV: password}
    file = folder / "login.env"
    if not file.exists():
        login = {USERNAME_ENV: user, PASSWORD_ENV: secrets.token_urlsafe(24)}
        file.touch(mode=0o600)
        file.write_text("".join(f"{key}={shlex.quote(login[key])}\n" for key in login), "utf-8")
    return dict(line.split("=", 1) for line in shlex.split(file.read_text(encoding="utf-8")))


def auth_environment(folder: Path, database: str, login: Mapping[str, str]) -> dict[str, str]:
    """The settings of MLflow's login; passwords are passed in the environment only."""
    if not login:
        return {}
    config = folder / "auth.ini"
    escaped = database.replace("%", "%%")  # % is special in INI files
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = {escaped}\n"
        "auth_cache_ttl_seconds = 60\n",  # hashing a password takes longer than most requests
        "utf-8",
    )
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(config),
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
        ADMIN_USERNAME_ENV: login[USERNAME_ENV],
        ADMIN_PASSWORD_ENV: login[PASSWORD_ENV],
    }
