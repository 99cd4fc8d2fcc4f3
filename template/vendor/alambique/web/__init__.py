"""What a service that answers over HTTP needs of its database: probes, a check at its start."""

from alambique.versions import require_versions

require_versions()
