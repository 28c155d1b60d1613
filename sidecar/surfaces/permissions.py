"""What each call needs: the scope of the credential, and whose things it reaches. A call without a row here is refused.

The scope is looked at before a byte of the request is read; the rule is kept where the thing is looked up, in the
application, and written here so that it can be read in one place, and tested row by row.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from capabilities.principals import Scope


class Rule(enum.Enum):
    """Whose things a call reaches."""

    CAPABILITY = enum.auto()
    """By right of a capability that the principal's entity holds; pictures among the arguments must be readable."""
    OWN = enum.auto()
    """One thing, of the principal's; another's is NOT_FOUND."""
    LIST = enum.auto()
    """A list, with the principal's things only."""
    PICTURE = enum.auto()
    """A picture that the principal brought, had made, or sees."""
    SEEN = enum.auto()
    """Entities that the principal sees; what is done to them is by the world's own rules."""
    CALLER = enum.auto()
    """As an entity that the principal acts as, by the world's own rules."""
    NEW = enum.auto()
    """Makes a thing of the principal's own."""
    ANYBODY = enum.auto()
    """The same for everybody who has the scope."""


@dataclass(frozen=True)
class Permission:
    scope: Scope | None
    """None: whoever has a credential."""
    rule: Rule


_GENERATE = Permission(Scope.GENERATE, Rule.CAPABILITY)
_OWN_JOB = Permission(Scope.JOBS_READ, Rule.OWN)
_CHANGE_JOB = Permission(Scope.JOBS_WRITE, Rule.OWN)
_CAPABILITIES = Permission(Scope.CAPABILITIES, Rule.CALLER)
_ADMIN = Permission(Scope.ADMIN, Rule.ANYBODY)

RPCS: Mapping[str, Permission] = {
    "CapabilityService/Mint": _CAPABILITIES,
    "CapabilityService/Delegate": _CAPABILITIES,
    "CapabilityService/Give": _CAPABILITIES,
    "CapabilityService/Revoke": _CAPABILITIES,
    "CapabilityService/PushRevocations": _CAPABILITIES,
    "CapabilityService/Approve": _ADMIN,
    "CapabilityService/Get": Permission(Scope.CAPABILITIES, Rule.OWN),
    "CapabilityService/List": Permission(Scope.CAPABILITIES, Rule.LIST),
    "CapabilityService/DescribeMethods": Permission(None, Rule.ANYBODY),
    "ImageService/TextToImage": _GENERATE,
    "ImageService/ImageToImage": _GENERATE,
    "ImageService/ControlTypes": _GENERATE,
    "ImageService/Preprocess": _GENERATE,
    "ImageService/Apply": _GENERATE,
    "ImageService/Inpaint": _GENERATE,
    "ImageService/Outpaint": _GENERATE,
    "ImageService/Upscale": _GENERATE,
    "ImageService/UpscaleTraditional": _GENERATE,
    "ImageService/UpscaleImg2Img": _GENERATE,
    "ImageService/FaceRestore": _GENERATE,
    "ImageService/Edit": _GENERATE,
    "ImageService/Convert": _GENERATE,
    "ImageService/RefinePrompt": _GENERATE,
    "ImageService/Invoke": _GENERATE,
    "JobService/Submit": _GENERATE,
    "JobService/SubmitBatch": _GENERATE,
    "JobService/Estimate": _GENERATE,
    "JobService/Get": _OWN_JOB,
    "JobService/List": Permission(Scope.JOBS_READ, Rule.LIST),
    "JobService/Watch": _OWN_JOB,
    "JobService/GetBatch": _OWN_JOB,
    "JobService/WatchBatch": _OWN_JOB,
    "JobService/Cancel": _CHANGE_JOB,
    "JobService/CancelBatch": _CHANGE_JOB,
    "JobService/Rerun": Permission(Scope.GENERATE, Rule.OWN),
    "JobService/Export": Permission(Scope.DOCUMENTS, Rule.OWN),
    "JobService/Import": Permission(Scope.DOCUMENTS, Rule.CAPABILITY),
    "JobService/History": Permission(Scope.PICTURES_READ, Rule.PICTURE),
    "JobService/BudgetStatus": Permission(Scope.JOBS_READ, Rule.CAPABILITY),
    "EntityService/SaveImage": Permission(Scope.ENTITIES, Rule.CAPABILITY),
    "EntityService/Get": Permission(Scope.ENTITIES, Rule.SEEN),
    "EntityService/List": Permission(Scope.ENTITIES, Rule.LIST),
    "EntityService/CallVerb": Permission(Scope.ENTITIES, Rule.SEEN),
    "EntityService/Install": Permission(Scope.CAPABILITIES, Rule.ANYBODY),
    "IllustrationService/Plan": _ADMIN,
    "IllustrationService/Run": _ADMIN,
    "IllustrationService/Undo": _ADMIN,
    "BlobService/Upload": Permission(Scope.PICTURES_WRITE, Rule.NEW),
    "BlobService/Describe": Permission(Scope.PICTURES_READ, Rule.PICTURE),
    "BlobService/Download": Permission(Scope.PICTURES_READ, Rule.PICTURE),
    "PictureService/List": Permission(Scope.PICTURES_READ, Rule.LIST),
    "PictureService/Describe": Permission(Scope.PICTURES_READ, Rule.PICTURE),
    "PictureService/Thumbnail": Permission(Scope.PICTURES_READ, Rule.PICTURE),
    "ModelService/List": Permission(Scope.MODELS_READ, Rule.ANYBODY),
    "ModelService/Load": _ADMIN,
    "ModelService/Unload": _ADMIN,
    "ModelService/Pull": _ADMIN,
    "TemplateService/Save": Permission(Scope.TEMPLATES_WRITE, Rule.NEW),
    "TemplateService/Get": Permission(Scope.TEMPLATES_READ, Rule.OWN),
    "TemplateService/List": Permission(Scope.TEMPLATES_READ, Rule.LIST),
    "TemplateService/Delete": Permission(Scope.TEMPLATES_WRITE, Rule.OWN),
    "TemplateService/Run": Permission(Scope.GENERATE, Rule.CAPABILITY),
    "TemplateService/GetRun": _OWN_JOB,
    "TemplateService/WatchRun": _OWN_JOB,
    "TemplateService/CancelRun": _CHANGE_JOB,
    "SystemService/Status": _ADMIN,
    "SystemService/Metrics": _ADMIN,
    "KeyService/Create": _ADMIN,
    "KeyService/List": _ADMIN,
    "KeyService/Rotate": _ADMIN,
    "KeyService/Revoke": _ADMIN,
}
"""By the service and method of an RPC; the same names stand for the routes of other surfaces."""
