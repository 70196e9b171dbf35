"""Stopping criteria."""
