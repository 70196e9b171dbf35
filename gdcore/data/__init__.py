"""Samples and class weights."""
