"""How often gradient checkers are right: known bugs, random cases, and every checker on the same ones."""
