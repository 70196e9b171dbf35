from .base_float64 import *
