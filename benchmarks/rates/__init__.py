"""How well the rates train that `gdcore.find_learning_rate` suggests."""
