"""Route 53, STS and Secrets Manager, played by moto, with Route 53's own rules added."""
