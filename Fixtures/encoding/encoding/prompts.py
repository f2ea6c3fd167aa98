# A folder of the form that checkpoints have, with texts of this project's own: the model of the fixture
# says them in its way. Nothing here is run; string literals are read.
from typing import Optional

dsml_token: str = "｜DSML｜"
think_end = '</think>'

EFFORT_MAX = (
    "Think as long as it takes, "  # joined with the next line
    "and \"check\" twice.\n\n"
)

TOOLS_TEMPLATE = """## Tools

Write <{dsml_token}tool_calls> to call one; think before {think_end}. Braces: {{}}

{schemas}

Nothing else.\
"""

RESPONSE_TEMPLATE = "## Response Format:\n\nAnswer with JSON of this schema:\n{schema}"

ignored = b"bytes", r"raw \n", 'single \u4e2d\x21', f"f {dsml_token}"


def render(schemas: Optional[str] = None) -> str:
    """A documentation string with {braces} and 'quotes'."""
    return TOOLS_TEMPLATE.format(dsml_token=dsml_token, think_end=think_end, schemas=schemas)
