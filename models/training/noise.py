"""The noise schedule that training, export and the contact sheets share."""

from __future__ import annotations

from typing import Any

from diffusers import DDPMScheduler
from torch import Tensor

# Zero terminal SNR: the last step is pure noise, as it is when a picture is made, so white grounds come out white.
SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
    "rescale_betas_zero_snr": True,
    "timestep_spacing": "trailing",
    # Without effect on trailing steps; StableDiffusionPipeline warns about any other value.
    "steps_offset": 1,
}
# Steps with little noise left say little about the shape; their share of the loss is capped as in min-SNR-5.
MIN_SNR_GAMMA = 5.0


class Noise:
    """Noises latents and says what the denoiser should answer."""

    def __init__(self) -> None:
        products = DDPMScheduler(**SCHEDULE).alphas_cumprod
        self.steps = len(products)
        self.signal = products.sqrt()
        self.noise = (1 - products).sqrt()
        snr = products / (1 - products)
        # Min-SNR divides by SNR + 1 for v-prediction, which would give the first, shape-giving steps a weight of
        # nearly nothing; they keep weight 1 here and only the cap on the clean end is applied.
        self.weight = (MIN_SNR_GAMMA / snr.clamp_min(1e-8)).clamp_max(1.0)

    def apply(self, clean: Tensor, noise: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        signal, share = self.signal[steps][:, None, None, None], self.noise[steps][:, None, None, None]
        return signal * clean + share * noise, signal * noise - share * clean
