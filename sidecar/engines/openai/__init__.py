"""The images API of OpenAI, which vLLM-Omni, SGLang Diffusion, LocalAI, stable-diffusion.cpp and many services have as well."""
