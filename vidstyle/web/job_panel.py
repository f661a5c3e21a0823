"""The right side of the page: one job, what may be done with it, and the list of this browser's jobs."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.blocks import Block

from vidstyle.web.job_store import JobView
from vidstyle.web.view import Row, job_html, list_html

Seen = tuple[JobView | str, Sequence[Row]]  # the job, or why there is none, and the rows of the list
NOTHING: Seen = ("", [])


class JobPanel:
    """Made where the page is now.

    Attributes:
        cancel, resume, repeat, remove: Buttons, of which those are shown that the state of the job allows.
        opener: A hidden button, which links to jobs press.
    """

    def __init__(self) -> None:
        self._view = gr.HTML(job_html(""), elem_id="view")
        with gr.Row():
            self.cancel = _button("Cancel", "cancel")
            self.resume = _button("Resume", "resume")
            self.repeat = _button("Paint again with changes", "again")
            self.remove = _button("Delete", "delete")
        with gr.Accordion("Your jobs", open=True, elem_id="your-jobs"):
            self._list = gr.HTML(list_html([]), elem_id="jobs")
        self.opener = gr.Button("Open the job", visible="hidden", elem_id="open")

    @property
    def controls(self) -> list[Block]:
        """All that `shown` may change."""
        return [self._view, self._list, self.cancel, self.resume, self.repeat, self.remove]

    def shown(self, now: Seen, before: Seen) -> dict[Block, Any]:
        """What changes; what does not is left alone, so that videos play on."""
        (job, rows), found = now, dict[Block, Any]()
        if job != before[0]:
            status = job.status if isinstance(job, JobView) else None
            found[self._view] = job_html(job)
            found[self.cancel] = gr.Button(visible=bool(status and not status.ended))
            found[self.resume] = gr.Button(visible=bool(status and status.can_resume))
            found[self.repeat] = gr.Button(visible=bool(status))
            found[self.remove] = gr.Button(visible=bool(status and status.ended))
        if rows != before[1]:
            found[self._list] = list_html(rows)
        return found


def _button(label: str, name: str) -> gr.Button:
    return gr.Button(label, visible=False, elem_id=name, size="md", min_width=120)
