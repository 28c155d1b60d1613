"""The models this machine may run, and what is known of them. Imports no torch."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from capabilities.errors import FailedPrecondition, NotFound, Unavailable, brief
from capabilities.models import ModelFacts
from capabilities.spelling import nearest
from sidecar.config import HubModel
from sidecar.engines.api import ModelListing, ModelProblem
from sidecar.engines.local import hub_cache
from sidecar.engines.local.discovery import embedded_folder
from sidecar.engines.local.hub_files import Wanted
from sidecar.engines.local.listed_models import annotators, downloaded, hub_model, packaged_upscalers
from sidecar.engines.local.local_model import LocalModel
from sidecar.engines.local.model_files import shown
from sidecar.engines.local.model_scan import Candidate, Record, Scan, examine

log = logging.getLogger("viwo_imagegen.models")

LOOK_EVERY = 2.0
"""Seconds between two looks at the files of a model."""
QUICK = 0.25
"""Seconds that a scan may take so that whoever lists models waits for it."""
SCAN_SECONDS = 60.0
"""Longest that a scan may take. What it did not reach is reached by a later one, which knows what this one saw."""
SCAN_SHARE = 0.1
"""Largest part of the time that scans take which look-ups of unknown models cause."""
SCAN_GAP = 0.02
"""Least seconds between two such scans."""
START_WAIT = 3.0
"""Seconds that the start of the server waits for the first scan."""
LOOK_UP_WAIT = 1.0
"""Seconds that a look-up of an unknown model waits for a scan; not at all where scans take longer."""
MAX_PROBLEMS = 1000
MAX_SHOWN = 20
"""Most ids that a refusal names."""
MAX_KNOWN = 600
"""Most characters that they take: a refusal travels in headers, which are small."""


@dataclass(frozen=True)
class _Snapshot:
    """All that is known at a moment; replaced as a whole, so that nobody waits for whoever is looking."""

    records: Mapping[str, Record]
    """By id."""
    models: Mapping[str, LocalModel]
    problems: tuple[ModelProblem, ...]


class Catalog:
    """The embedded model, everything under the model folders, and the hub ids the operator listed.

    Folders are looked through in a thread of their own. Look-ups read what the last scan found.
    """

    def __init__(self, folders: Iterable[Path], hub: Iterable[HubModel], default: str) -> None:
        # Children have another working folder.
        self._folders = [folder.expanduser().absolute() for folder in folders]
        self._entries = {entry.id: entry for entry in hub}
        self._listed = {entry.id: hub_model(entry) for entry in self._entries.values()}
        for known in (*packaged_upscalers(), *annotators()):
            self._listed.setdefault(known.facts.id, known)
        self._default = default
        self._snapshot = _Snapshot({}, self._listed, ())
        self._looked: dict[str, float] = {}
        self._examining: set[str] = set()
        self._lock = threading.Lock()
        """Held for moments only: to begin a scan, and to put a new snapshot in the place of the old one."""
        self._idle = threading.Event()
        self._idle.set()
        self._complete = threading.Event()
        """The first scan has ended."""
        self._began = self._ended = self._took = 0.0
        self._begin_scan()
        if not self._idle.wait(START_WAIT):
            log.warning("looking through the model folders takes long; models appear as they are found")

    @property
    def default(self) -> str:
        return self._default

    def find(self, model_id: str) -> ModelFacts:
        return self.model(model_id).facts

    def model(self, model_id: str, *, patient: bool = False) -> LocalModel:
        """The model of that id. Weights that are replaced are another revision, within a few seconds.

        `patient`: waits for the first scan where it is not known before.

        Looks on disk again before it raises NotFound with the nearest ids. Raises FailedPrecondition where its files must
        not be loaded, and Unavailable while the first scan has not found it yet.
        """
        if patient and model_id not in self._snapshot.models:
            self._complete.wait(SCAN_SECONDS * 2)
        snapshot = self._snapshot
        record = snapshot.records.get(model_id)
        if record is not None and os.path.lexists(record.candidate.path):
            self._look_again(record)
        elif record is not None or model_id not in snapshot.models:
            self.refresh()
        snapshot = self._snapshot
        found = snapshot.models.get(model_id)
        if found is not None:
            return found
        record = snapshot.records.get(model_id)
        if record is not None and record.refusal is not None:
            raise FailedPrecondition(
                f"the model '{model_id}' cannot be loaded: {record.refusal.message}",
                reason="MODEL_NOT_LOADABLE",
                field="model_id",
                asked=model_id,
            )
        raise self._unknown(model_id, snapshot)

    def incomplete(self, model_id: str) -> FailedPrecondition | None:
        """Why a known model cannot be used yet: parts of it are not there."""
        model = self._snapshot.models.get(model_id)
        if model is None or not model.missing:
            return None
        return FailedPrecondition(
            f"the model '{model_id}' is {model.description}: {model.missing}",
            reason="MODEL_INCOMPLETE",
            field="model_id",
            asked=model_id,
        )

    def is_absent(self, model_id: str) -> bool:
        """Whether a model is known and still to be downloaded."""
        model = self._snapshot.models.get(model_id)
        return model is not None and model.is_absent

    def wanted(self, model_id: str) -> Wanted:
        """What a model is on the hub. Raises NotFound, and FailedPrecondition for one that is from no hub."""
        listed = self._listed.get(model_id)
        if listed is None:
            self.model(model_id)
        elif listed.wanted is not None:
            return listed.wanted
        raise FailedPrecondition(
            f"the model '{model_id}' is not from a hub, so there is nothing to download; hub models are listed in hub_models",
            reason="NOT_FROM_A_HUB",
            field="id",
            asked=model_id,
        )

    def fetched(self, model_id: str) -> None:
        """Look at a hub model that has just been downloaded."""
        entry = self._entries.get(model_id)
        if entry is None:
            with self._lock:
                self._listed |= {known.facts.id: known for known in annotators()}
            self._publish(self._snapshot.records, list(self._snapshot.problems))
        elif (kept := hub_cache.kept(self.wanted(model_id))) is not None:
            self._examine_again(Candidate(model_id, kept.path, is_listed=True))

    def refresh(self) -> None:
        """Have the folders looked through again, and wait for it where that is quick."""
        until = time.monotonic() + LOOK_UP_WAIT
        if self._is_slow:
            # Nobody is kept waiting by large folders: who asks again later sees what is there now.
            self._begin_scan()
            return
        # A scan that is under way may have passed the place already.
        self._idle.wait(max(0.0, until - time.monotonic()))
        pause = self._next_scan - time.monotonic()
        if pause > LOOK_UP_WAIT:
            return
        if pause > 0:
            time.sleep(pause)
        self._begin_scan()
        self._idle.wait(max(0.0, until - time.monotonic()))

    def able(self, method: str) -> list[ModelFacts]:
        """All models that can do a method, those too that were added or changed since the last look."""
        self._look_around()
        there = self._able(method)
        if not there:
            self.refresh()
            there = self._able(method)
        return there

    def _able(self, method: str) -> list[ModelFacts]:
        return [model.facts for model in self._snapshot.models.values() if method in model.facts.methods]

    def _look_around(self) -> None:
        """Have the folders looked through again where that was a while ago; waited for where it is quick."""
        if time.monotonic() - self._ended >= LOOK_EVERY:
            self._begin_scan()
            self._idle.wait(max(0.0, self._began + QUICK - time.monotonic()))

    def listings(self, loaded: frozenset[str]) -> list[ModelListing]:
        """All models, those too that were added or changed since the last look."""
        self._look_around()
        return [
            ModelListing(
                facts=model.facts,
                description=model.description,
                family=model.family,
                engine="local",
                size=model.size,
                revision=model.source.revision,
                loaded=model_id in loaded,
                downloaded=model.is_downloaded,
                origin=_origin(model),
                license=model.license,
                told_by=model.told_by,
            )
            for model_id, model in sorted(self._snapshot.models.items())
        ]

    @property
    def problems(self) -> tuple[ModelProblem, ...]:
        """Files of the model folders that are left out, and why."""
        return self._snapshot.problems

    @property
    def _next_scan(self) -> float:
        return self._ended + max(SCAN_GAP, self._took * (1 / SCAN_SHARE - 1))

    @property
    def _is_slow(self) -> bool:
        """Whether scans take longer than a look-up may wait."""
        running = 0.0 if self._idle.is_set() else time.monotonic() - self._began
        return max(self._took, running) > LOOK_UP_WAIT

    def _begin_scan(self) -> None:
        """Begin to look through the folders, unless someone does or has only just done so."""
        with self._lock:
            if not self._idle.is_set() or (self._ended and time.monotonic() < self._next_scan):
                return
            self._idle.clear()
            self._began = time.monotonic()
        threading.Thread(target=self._scan, name="model-scan", daemon=True).start()

    def _scan(self) -> None:
        try:
            self._look_through(self._began + SCAN_SECONDS)
        except Exception:
            log.exception("looking through the model folders failed")
        finally:
            self._ended = time.monotonic()
            self._took = self._ended - self._began
            self._idle.set()
            self._complete.set()

    def _look_through(self, deadline: float) -> None:
        left_out: list[ModelProblem] = []

        def report(path: Path, reason: str) -> None:
            if len(left_out) < MAX_PROBLEMS:
                left_out.append(ModelProblem(shown(path), reason))

        scan = Scan(deadline, report)
        before = {record.candidate.path: record for record in self._snapshot.records.values()}
        is_first = not before
        found: dict[str, Record] = {}
        published = time.monotonic()
        for candidate in self._candidates(scan):
            known = before.get(candidate.path)
            if known is not None and known.candidate == candidate and known.is_current:
                record = known
            elif scan.is_over:
                report(candidate.path, "not looked at yet: looking through the model folders takes too long")
                continue
            else:
                record = self._examined(candidate)
            taken = found.setdefault(candidate.id, record)
            if taken is record:
                continue
            # What can be used has the id before what cannot.
            if taken.model is None and record.model is not None:
                found[candidate.id], record, taken = record, taken, record
            report(record.candidate.path, _taken_words(candidate.id, taken))
            if is_first and time.monotonic() - published > 1:
                published = time.monotonic()
                self._publish(found, left_out)
        self._publish(found, left_out)

    def _candidates(self, scan: Scan) -> Iterable[Candidate]:
        yield Candidate("icons", embedded_folder())
        for folder in self._folders:
            yield from scan.candidates(folder)
        for model_id in self._entries:
            if (kept := hub_cache.kept(self.wanted(model_id))) is not None:
                yield Candidate(model_id, kept.path, is_listed=True)

    def _examined(self, candidate: Candidate) -> Record:
        record = examine(candidate)
        if record.model is None or not candidate.is_listed:
            return record
        return replace(record, model=downloaded(self._entries[candidate.id], record.model))

    def _look_again(self, record: Record) -> None:
        """Look at the files of one model, now and then, whether they have changed."""
        model_id, now = record.candidate.id, time.monotonic()
        with self._lock:
            if now - self._looked.get(model_id, 0.0) < LOOK_EVERY:
                return
            self._looked[model_id] = now
        if record.is_current:
            return
        with self._lock:
            if model_id in self._examining:
                return
            self._examining.add(model_id)
        # Whoever asks goes on with what was known where this takes long.
        thread = threading.Thread(
            target=self._examine_again, args=(record.candidate,), name="model-look", daemon=True
        )
        thread.start()
        thread.join(LOOK_UP_WAIT)

    def _examine_again(self, candidate: Candidate) -> None:
        try:
            again = self._examined(candidate)
            with self._lock:
                records = {**self._snapshot.records, candidate.id: again}
                left_out = [item for item in self._snapshot.problems if item.of != candidate.id]
            self._publish(records, left_out)
        finally:
            with self._lock:
                self._examining.discard(candidate.id)

    def _publish(self, records: Mapping[str, Record], left_out: list[ModelProblem]) -> None:
        models = {model_id: record.model for model_id, record in records.items() if record.model is not None}
        # One that must not be loaded is told as such, and not as one that could be downloaded.
        broken = {
            record.candidate.id for record in records.values() if record.candidate.is_listed
        } - models.keys()
        listed = {model_id: model for model_id, model in self._listed.items() if model_id not in broken}
        problems = [item for item in left_out if not item.of]
        for model_id, record in records.items():
            where = shown(record.candidate.path)
            problems += [ModelProblem(where, problem.message, of=model_id) for problem in record.problems]
            known = None if record.candidate.is_listed else self._listed.get(model_id)
            if record.model is not None and known is not None:
                what = f"'{model_id}' of {known.description}"
                problems.append(ModelProblem(where, f"its id is that of {what}, which it takes the place of"))
        with self._lock:
            self._snapshot = _Snapshot(dict(records), {**listed, **models}, tuple(problems[:MAX_PROBLEMS]))

    def _unknown(self, model_id: str, snapshot: _Snapshot) -> NotFound | Unavailable:
        ids = sorted(snapshot.models)
        asked = brief(model_id, 60)
        if not self._complete.is_set():
            return Unavailable(
                f"no model '{asked}' has been found yet, and the model folders are still being looked through; ask again",
                reason="MODELS_NOT_FOUND_YET",
                field="model_id",
                asked=asked,
                retry_after=2,
            )
        near = nearest(model_id, ids)
        known = (
            brief(", ".join(ids[:MAX_SHOWN]), MAX_KNOWN) or "none; the operator sets model_dirs or hub_models"
        )
        if len(ids) > MAX_SHOWN:
            known += f" and {len(ids) - MAX_SHOWN} more"
        hint = f"did you mean '{near}'?" if near else f"known are {known}"
        if (record := snapshot.records.get(model_id)) is not None and record.problems:
            hint = record.problems[0].message
        elif not self._idle.is_set():
            hint += "; the model folders are being looked through, so ask again in a few seconds"
        return NotFound(
            f"no model '{asked}' here; {hint}",
            reason="UNKNOWN_MODEL",
            field="model_id",
            limit=known,
            asked=asked,
        )


def _origin(model: LocalModel) -> str:
    """Where a hub model comes from, and the commit of it that is here."""
    if model.wanted is None:
        return ""
    kept = None if model.is_absent else hub_cache.kept(model.wanted)
    return f"{model.wanted.repository}@{kept.commit}" if kept else model.wanted.repository


def _taken_words(model_id: str, by: Record) -> str:
    return f"its id '{model_id}' is taken by {shown(by.candidate.path)}; rename one of them to use both"
