#!/usr/bin/env python
import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from pydantic import ValidationError

    from config import early, engines, environment

    try:
        if sys.argv[1:] == ["up"]:  # before Django: the supervisor does without it
            from config import up

            sys.exit(up.main(environment.read()))
        early.get_ready(sys.argv)
        with engines.for_command(sys.argv):
            from django.core.management import execute_from_command_line

            execute_from_command_line(sys.argv)
    except engines.EngineFailed as failure:
        sys.exit(f"manage.py: {failure}")
    except ValidationError as invalid:
        sys.exit(f"manage.py: in the environment or .env: {environment.explain(invalid)}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
