"""Configuration: environment (`VIWO_IMAGEGEN_*`) over a TOML file over defaults."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from capabilities.budgets import UNITS, Cap, Cost, Period, Price, owner_account
from capabilities.params import MAX_AMOUNT, Value
from sidecar.engines.remote.settings import MAX_PRICE, EngineSettings

PREFIX = "VIWO_IMAGEGEN_"
"""How the name of each variable begins."""
CONFIG_VARIABLE = f"{PREFIX}CONFIG"
ADDRESS_VARIABLE = f"{PREFIX}ADDRESS"
"""For clients: where the sidecar is, if it is not the one of this configuration."""
MAX_COMPUTE = 1_000_000.0
"""Most megapixel-steps that one call may ever have: sums over millions of jobs stay within 64 bits."""
MAX_SECONDS, MAX_HOURS, MAX_DAYS, MAX_GIB = 1e9, 1e6, 1e6, 1e6
REPOSITORY = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$"
INSIDE = r"^[^/\\.][^/\\]*(/[^/\\.][^/\\]*)*$"
"""A path inside a repository."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104
"""Every address of the machine, to listen on, and the one of them that a client beside the server dials."""


def dialled(address: str) -> str:
    """What a client beside a server dials that listens at `address`, which may be every address of the machine."""
    host, _, port = address.rpartition(":")
    return f"{EVERYWHERE[host]}:{port}" if host in EVERYWHERE else address


def default_data_dir() -> Path:
    """Where data lives unless told otherwise: the user's data folder."""
    base = os.environ.get("XDG_DATA_HOME") or os.environ.get("LOCALAPPDATA") or "~/.local/share"
    return Path(base).expanduser() / "viwo-imagegen"


class HubModel(BaseModel):
    """A hub model that may be used, with the defaults its card recommends.

    `id`: the name that callers use, and the repository where that is not named. `file`: one file of weights in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=200)]
    repository: Annotated[str, Field(pattern=REPOSITORY)] | None = None
    revision: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    variant: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    subfolder: Annotated[str, Field(pattern=INSIDE)] | None = None
    file: Annotated[str, Field(pattern=INSIDE)] | None = None
    role: Literal["base", "lora", "controlnet", "vae", "embedding"] = "base"
    steps: Annotated[int, Field(ge=1)] = 25
    guidance_scale: Annotated[float, Field(ge=0, le=100)] = 7.0
    width: Annotated[int, Field(ge=8)] = 512
    height: Annotated[int, Field(ge=8)] = 512


class Budget(BaseModel):
    """A cap. `compute` in megapixel-steps, `money` in the currency; `owner_id` for one owner only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scope: Literal["server", "owner"]
    period: Period
    compute: Annotated[float, Field(ge=0, le=MAX_AMOUNT)] | None = None
    money: Annotated[float, Field(ge=0, le=MAX_AMOUNT)] | None = None
    owner_id: Annotated[int, Field(ge=1, lt=2**63)] | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.compute is None and self.money is None:
            raise ValueError("a budget needs compute or money")
        if self.owner_id is not None and self.scope != "owner":
            raise ValueError("owner_id goes with scope 'owner'")
        return self

    @property
    def cap(self) -> Cap:
        account = self.scope if self.owner_id is None else owner_account(self.owner_id)
        compute, money = (
            None if most is None else round(most * UNITS) for most in (self.compute, self.money)
        )
        return Cap(account, self.period, compute, money)


class ModelPrice(BaseModel):
    """What a paid model costs, in the currency. `billed_when_canceled`: a call that was canceled counts as spent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    per_image: Annotated[float, Field(ge=0, le=MAX_PRICE)] = 0.0
    per_megapixel_step: Annotated[float, Field(ge=0, le=MAX_PRICE)] = 0.0
    billed_when_canceled: bool = True

    @property
    def price(self) -> Price:
        return Price(
            round(self.per_image * UNITS), round(self.per_megapixel_step * UNITS), self.billed_when_canceled
        )


class Tier(BaseModel):
    """From how much on a cost is of a tier; `compute` in megapixel-steps, `money` in the currency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    compute: Annotated[float, Field(gt=0, le=MAX_AMOUNT)]
    money: Annotated[float, Field(gt=0, le=MAX_AMOUNT)]

    @property
    def cost(self) -> Cost:
        return Cost(round(self.compute * UNITS), round(self.money * UNITS))


class Settings(BaseSettings):
    """Every setting; each is documented in docs/configuration.md."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Jobs, pictures, token and, by default, the world."
    )
    world_path: Path | None = Field(
        None, description="viwo's world database; unset: a world of our own in data_dir."
    )

    host: str = Field("127.0.0.1", description="Address to listen on. Beyond loopback TLS is required.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(50061, description="TCP port; 0 picks a free one.")
    unix_socket: Path | None = Field(
        None, description="Listen on this Unix socket instead of TCP; needs no token."
    )
    tls_cert: Path | None = Field(None, description="Server certificate chain, PEM.")
    tls_key: Path | None = Field(None, description="Server key, PEM.")
    tls_client_ca: Path | None = Field(
        None, description="CA of client certificates, PEM: mutual TLS, needs no token."
    )

    statement_key_file: Path | None = Field(
        None,
        description="Key shared with a viwo plugin on another machine, which then states capabilities; made if absent.",
    )

    model_dirs: list[Path] = Field([], description="Folders with diffusers folders and .safetensors files.")
    hub_models: list[HubModel] = Field([], description="Hub models that may be downloaded and used.")
    max_download_gib: Annotated[float, Field(ge=0, le=MAX_GIB)] = Field(
        50, description="Largest model that is downloaded from a hub, in GiB; 0: none is."
    )
    default_model: str = Field(
        "glyphs:game-icons",
        description="Model used where neither call nor capability names one; where it cannot do a method, another that can.",
    )
    model_aliases: Annotated[dict[str, str], Field(max_length=1000)] = Field(
        {},
        description="Models to use in place of those that a world's rows and scripts name and that are not here.",
    )
    engines: Annotated[list[EngineSettings], Field(max_length=64)] = Field(
        [], description="Image servers that are engines here: where they are, and on what terms."
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="Where models run.")
    threads: Annotated[int, Field(ge=0)] = Field(0, description="CPU threads of the engine; 0: all cores.")
    max_loaded_models: Annotated[int, Field(ge=1)] = Field(4, description="Most models kept in memory.")
    memory_budget_gib: Annotated[float, Field(ge=0, le=MAX_GIB)] = Field(
        0,
        description="What models may fill of the device's memory, in GiB; 0: 60 % of a CPU's, 80 % of a GPU's.",
    )

    max_width: Annotated[int, Field(ge=8, le=1_000_000)] = Field(
        2048, description="Widest picture, in pixels."
    )
    max_height: Annotated[int, Field(ge=8, le=1_000_000)] = Field(
        2048, description="Highest picture, in pixels."
    )
    max_steps: Annotated[int, Field(ge=1, le=100_000)] = Field(150, description="Most denoising steps.")
    max_images: Annotated[int, Field(ge=1, le=64)] = Field(16, description="Most pictures in one call.")
    max_compute: Annotated[float, Field(gt=0, le=MAX_COMPUTE)] = Field(
        1000.0, description="Most megapixel-steps in one call."
    )
    max_queue: Annotated[int, Field(ge=1, le=2**31)] = Field(1000, description="Most jobs waiting.")
    max_queue_per_owner: Annotated[int, Field(ge=0)] = Field(
        0, description="Most jobs of one owner waiting; 0: half of max_queue."
    )
    max_attempts: Annotated[int, Field(ge=1)] = Field(
        3, description="How often a job is begun before it fails; only what may pass is tried again."
    )
    max_job_seconds: Annotated[float, Field(gt=0, le=MAX_SECONDS)] = Field(
        3600, description="How long an attempt at a job may take."
    )
    model_patience: Annotated[float, Field(ge=0, le=MAX_SECONDS)] = Field(
        10, description="Seconds that a job may be passed over for others whose model is loaded."
    )
    max_together: Annotated[int, Field(ge=1, le=64)] = Field(
        4, description="Most jobs that run as one batch where their tasks allow it; 1: no batches."
    )
    reuse_hours: Annotated[float, Field(ge=0, le=MAX_HOURS)] = Field(
        168, description="How long a result is answered to the same task again; 0: never."
    )
    reuse_between_owners: bool = Field(
        False, description="Answer what was made for one owner to the same task of another, in any world."
    )

    max_calls: Annotated[int, Field(ge=1)] = Field(4000, description="Most calls that go on at a time.")
    max_calls_per_peer: Annotated[int, Field(ge=0)] = Field(
        0, description="Most calls of one machine that go on at a time; 0: half of max_calls."
    )
    receive_budget_mib: Annotated[int, Field(ge=64)] = Field(
        256, description="Memory for messages that are received or worked on, in MiB."
    )
    receive_seconds: Annotated[float, Field(gt=0)] = Field(
        30, description="How long a message may take to come, and an upload may send nothing."
    )
    work_per_minute: Annotated[int, Field(ge=0)] = Field(
        600,
        description="Estimates, uploads and other work without a job that one caller may ask for; 0: any number.",
    )
    max_decoding: Annotated[int, Field(ge=1, le=64)] = Field(
        2, description="Most calls whose pictures are decoded at a time; others wait."
    )

    budgets: list[Budget] = Field([], description="Caps of the whole server and of owners.")
    prices: list[ModelPrice] = Field([], description="What paid models cost.")
    currency: Annotated[str, Field(pattern="[A-Z]{3}")] = Field(
        "USD", description="ISO 4217 code of all money."
    )
    tier_medium: Tier = Field(
        Tier(compute=10, money=0.05), description="From this cost on a job is 'medium'."
    )
    tier_high: Tier = Field(Tier(compute=100, money=0.5), description="From this cost on a job is 'high'.")

    database_url: str | None = Field(
        None,
        description="Job database, such as postgresql+psycopg://user@host/name; unset: a file in data_dir.",
    )
    keep_days: Annotated[float, Field(gt=0, le=MAX_DAYS)] | None = Field(
        None, description="Jobs that ended longer ago are removed; unset: kept."
    )
    keep_jobs: Annotated[int, Field(ge=0, le=2**53)] | None = Field(
        None, description="Of ended jobs only so many are kept; unset: all."
    )
    keep_gib: Annotated[float, Field(ge=0, le=MAX_GIB)] | None = Field(
        None,
        description="Ended jobs are removed, the oldest first, until pictures fill at most this; unset: no bound.",
    )
    metrics_host: str = Field(
        "127.0.0.1", description="Address of the metrics: they are served without a token or TLS."
    )
    metrics_port: Annotated[int, Field(ge=0, le=65535)] | None = Field(
        None, description="Port of Prometheus metrics over HTTP; 0: any free one; unset: none."
    )

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people, or one JSON object each."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, config_file())

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together: set both or neither")
        if self.tls_client_ca is not None and self.tls_cert is None:
            raise ValueError("tls_client_ca needs tls_cert and tls_key as well")
        if self.unix_socket is None and self.host not in LOOPBACK and self.tls_cert is None:
            raise ValueError(
                f"host '{self.host}' can be reached from other machines, so TLS is required: set tls_cert and tls_key, "
                "or listen on 127.0.0.1 or a unix_socket"
            )
        names = [engine.name for engine in self.engines]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two of the engines have the name '{name}'; give each its own")
        return self

    @property
    def world_is_own(self) -> bool:
        return self.world_path is None

    @property
    def world_file(self) -> Path:
        return self.world_path or self.data_dir / "world.sqlite"

    @property
    def priced_engines(self) -> list[EngineSettings]:
        """The image servers that are engines here, with what `prices` says of their models: that counts for more."""
        return [
            engine.priced(
                {
                    price.model[len(engine.name) + 1 :]: price.price
                    for price in self.prices
                    # A slash is another spelling of the colon.
                    if price.model.startswith((f"{engine.name}:", f"{engine.name}/"))
                }
            )
            for engine in self.engines
        ]

    @property
    def keep_bytes(self) -> int | None:
        return None if self.keep_gib is None else int(self.keep_gib * 1024**3)

    @property
    def jobs_database(self) -> Path | str:
        return self.database_url or self.jobs_file

    @property
    def jobs_file(self) -> Path:
        return self.data_dir / "jobs.sqlite"

    @property
    def token_file(self) -> Path:
        return self.data_dir / "token"

    @property
    def kernel_key_file(self) -> Path:
        """The credential of viwo's plugin beside this world."""
        return self.data_dir / "kernel-key"

    @property
    def listening_address(self) -> str:
        """Where the server listens."""
        if self.unix_socket is not None:
            return f"unix:{self.unix_socket}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def address(self) -> str:
        """Where a client on this machine finds the server (when the port is not 0)."""
        return dialled(self.listening_address)

    @property
    def ceilings(self) -> Mapping[str, Value]:
        """The server's own limits, in the words of capability parameters."""
        return {
            "max_width": self.max_width,
            "max_height": self.max_height,
            "max_steps": self.max_steps,
            "max_images": self.max_images,
            "max_compute": self.max_compute,
        }


def config_file() -> Path:
    """The TOML file: named by VIWO_IMAGEGEN_CONFIG, else `config.toml` in the data folder. It need not exist."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    data_dir = os.environ.get("VIWO_IMAGEGEN_DATA_DIR")
    return (Path(data_dir) if data_dir else default_data_dir()) / "config.toml"


def load(**overrides: Any) -> Settings:
    """Settings from the environment and the file; arguments win over both."""
    return Settings(**overrides)
