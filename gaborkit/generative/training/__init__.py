"""One training loop for every model, on Hugging Face Accelerate."""
