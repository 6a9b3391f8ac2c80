"""One migration a file, numbered; none is ever changed once it was released, none goes back."""
