"""`/healthz` and `/readyz`, for load balancers, containers and people with curl."""

import asyncio

from django.http import HttpRequest, JsonResponse

from health import readiness

PATIENCE_SECONDS = 3.0


async def alive(request: HttpRequest) -> JsonResponse:
    """200 while the event loop turns."""
    return JsonResponse({"status": "alive"})


async def ready(request: HttpRequest) -> JsonResponse:
    """200 when requests are welcome, else 503 with the reasons."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            troubles = await readiness.troubles()
    except TimeoutError:
        troubles = {"database": f"it did not answer within {PATIENCE_SECONDS:.0f} s"}
    status = 503 if troubles else 200
    return JsonResponse({"status": "not ready" if troubles else "ready", "troubles": troubles}, status=status)
