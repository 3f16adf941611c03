"""``python -m actinium`` is the command ``actinium``."""

from actinium.command import main

if __name__ == "__main__":
    main()
