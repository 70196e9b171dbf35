"""Criteria that end a fit."""
