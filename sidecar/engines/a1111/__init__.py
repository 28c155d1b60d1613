"""The web API of AUTOMATIC1111's Stable Diffusion WebUI, which Forge and SD.Next have as well."""
