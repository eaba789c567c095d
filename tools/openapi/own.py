"""What the server says of itself."""
from .schema import STRING, Dialect, record
from .tei import ERROR

OWN = Dialect("Server", "Health, metrics, and this description.", ERROR)
OWN.add("GET", "/openapi.json", "openapi", "This description", is_open=True, errors=(431,), answer=record(("openapi", "paths"), openapi=STRING, paths=record()))
