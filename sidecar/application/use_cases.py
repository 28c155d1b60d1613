"""Every use case there is, as a surface is given them."""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.application.batches import Batches
from sidecar.application.capabilities import Capabilities
from sidecar.application.entities import Entities
from sidecar.application.generation import Generation
from sidecar.application.illustration import Illustration
from sidecar.application.jobs import Jobs
from sidecar.application.keys import Keys
from sidecar.application.lineage import Lineage
from sidecar.application.models import Models
from sidecar.application.pictures import Pictures
from sidecar.application.prompt_refinement import PromptRefinement
from sidecar.application.status import Status
from sidecar.application.workflows.runs import Runs


@dataclass(frozen=True)
class UseCases:
    """What a surface translates its calls to. Each is told who asks."""

    generation: Generation
    refinement: PromptRefinement
    jobs: Jobs
    batches: Batches
    lineage: Lineage
    workflows: Runs
    entities: Entities
    pictures: Pictures
    illustration: Illustration
    capabilities: Capabilities
    models: Models
    status: Status
    keys: Keys
