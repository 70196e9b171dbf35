"""Samples and class weights: what a loss is taken over."""
