"""Judge several images of one request: each gets its own answer or its own problem, in the order of the request."""

from __future__ import annotations

import asyncio
import traceback
from collections import Counter
from collections.abc import Sequence

import structlog

from pathprint.app.admission.charging import charge_for
from pathprint.app.api import answers
from pathprint.app.api.judging import Judge
from pathprint.app.api.schemas import Answers, Item, Summary
from pathprint.app.api.shown import Shown
from pathprint.app.problems.describing import describe
from pathprint.app.problems.kinds import ProblemError
from pathprint.app.problems.reporting import problem_of
from pathprint.app.runtime.decoding import Upload

log = structlog.get_logger("app")


async def judge_several(judge: Judge, files: Sequence[Upload | ProblemError], shown: Shown) -> Answers:
    """Return the answers about all files, which are judged at the same time as far as there is room.

    Raises:
        ProblemError: so many images are beyond the caller's rate.
    """
    charge_for(judge.request.state, len(files))
    items = await asyncio.gather(*(_item(judge, index, file, shown) for index, file in enumerate(files)))
    counts = Counter(item.result.detection.verdict if item.result else "failed" for item in items)
    summary = {name: counts[name] for name in ("benign", "adversarial", "uncertain", "failed")}
    return Answers(
        request_id=judge.request.state.request_id, results=items, summary=Summary(images=len(items), **summary)
    )


async def _item(judge: Judge, index: int, file: Upload | ProblemError, shown: Shown) -> Item:
    try:
        if isinstance(file, ProblemError):
            raise file
        answer = answers.answer(judge, await judge.examine(file), shown)
    except Exception as error:  # whatever is wrong with one image, the others have their answers
        found = problem_of(error)
        if found.code == "internal":
            log.error("unexpected error", traceback="".join(traceback.format_exception(error)))
        problem = describe(found, judge.request.state.request_id)
        return Item(index=index, status=problem.status, problem=problem)
    return Item(index=index, status=200, result=answer)
