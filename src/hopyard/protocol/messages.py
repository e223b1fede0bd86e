"""Messages of the WebSocket between the Livy server and a driver's agent.

The agent dials home: `GET /livy/drivers/SESSION` upgraded to a WebSocket, with the session's secret
as `Authorization: Bearer SECRET`. Each frame is one JSON object; `type` says which message.

Up (agent to server), every message but `hello` and `pong` carries `seq`: 1, 2, 3 … for the life of
the session. The server writes a message down, then acknowledges with `ack`; the agent keeps what is
not acknowledged and replays it after it dialled again. The server drops what it has already
written (`seq` at most the last one written), so nothing is lost and nothing is there twice.

Down (server to agent), messages are idempotent: `execute` with a statement that the agent already
has is ignored, so after `welcome` the server sends everything that is not done again; what the
agent has and the server calls done (it was cancelled meanwhile) is cancelled.

The handshake: agent `hello` → server `welcome(acked)` → agent replays from `acked + 1` → server
sends `execute` for each statement that waits. Close code 4401: wrong secret. 4404: no such session
or it is over: the agent ends itself at once. 4409: another agent is connected: likewise. A call
with a wrong secret is not taken, so that no frame of it is read: the code is in a header then.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, Field, TypeAdapter

from hopyard.protocol.states import Kind

UNAUTHORISED = 4401
GONE = 4404
REPLACED = 4409
REFUSED = "X-Hopyard-Refused"
"""The header with such a code in the answer to a call that is not taken at all."""
SERVER = "X-Hopyard-Server"
"""The header in which a driver says whom it calls: another server at the address knows nothing of
its session, and must not end it."""

REPORT = "report.json"
"""The name of the file with a `BatchReport`, in the folder of the configuration."""


class _Message(BaseModel, extra="ignore"):
    """One frame; unknown fields are ignored, so that versions can differ by a step."""


# --- up: agent to server -------------------------------------------------------------------------


class Hello(_Message):
    """The first frame after dialling."""

    type: Literal["hello"] = "hello"
    version: int = 1
    pid: int
    last_seq: int = 0
    """The last number the agent gave out."""
    unfinished: list[int] = []
    """The statements that run or wait at the agent."""
    secrets: list[str] = Field(default=[], repr=False)
    """Values that were read, to be hidden on the pages of Spark's UI."""


class _Numbered(_Message):
    seq: int = 0
    """Set by the agent's outbox when the message is sent."""


class Step(_Numbered):
    """What the driver does while it starts, in words ("Starting the JVM")."""

    type: Literal["step"] = "step"
    text: str


class Ready(_Numbered):
    """The Spark application runs: the session is idle."""

    type: Literal["ready"] = "ready"
    app_id: str
    ui_url: str | None = None
    """Address of Spark's UI as the server reaches it; None when it is off."""
    spark_version: str = ""
    master: str = ""


class Failed(_Numbered):
    """The driver cannot start or cannot go on; it ends itself afterwards."""

    type: Literal["failed"] = "failed"
    reason: str
    """One sentence for the user."""


class Started(_Numbered):
    """A statement runs now."""

    type: Literal["started"] = "started"
    statement: int
    at: int
    """Milliseconds since 1970."""


class Stream(_Numbered):
    """A piece of a statement's stdout or stderr."""

    type: Literal["stream"] = "stream"
    statement: int
    name: Literal["stdout", "stderr"]
    text: str


class Display(_Numbered):
    """Rich output of a statement before its end, or an update of one (Jupyter's messaging)."""

    type: Literal["display"] = "display"
    statement: int
    data: dict[str, Any]
    metadata: dict[str, Any] = {}
    transient: dict[str, Any] = {}
    update: bool = False


class Clear(_Numbered):
    """A statement takes back what it printed and displayed so far (Jupyter's `clear_output`)."""

    type: Literal["clear"] = "clear"
    statement: int
    wait: bool = False
    """Whether only what comes next takes it back."""


class InputRequest(_Numbered):
    """A statement asks whoever watches it for a line of text."""

    type: Literal["input_request"] = "input_request"
    statement: int
    prompt: str
    password: bool = False
    """Whether what is typed must not be shown."""


class Progress(_Numbered):
    """How far the Spark jobs of a statement are."""

    type: Literal["progress"] = "progress"
    statement: int
    fraction: float
    """Finished tasks of all that are known, 0 to 1."""
    jobs: int = 0
    stages: int = 0
    tasks: int = 0
    tasks_done: int = 0
    tasks_failed: int = 0
    executors: int = 0
    """Processes that run tasks; one, where the driver itself does. 0: Spark waits for one."""


class Result(_Numbered):
    """A statement is done. `output` is what Livy's REST API calls so, without the streams."""

    type: Literal["result"] = "result"
    statement: int
    at: int
    """Milliseconds since 1970."""
    began: int | None = None
    """When it began, if no `started` said so: short statements say all at once."""
    status: Literal["ok", "error", "cancelled"]
    data: dict[str, Any] = {}
    metadata: dict[str, Any] = {}
    ename: str = ""
    evalue: str = ""
    traceback: list[str] = []
    last: bool = False
    """Whether the session ends now: it is not idle in between. `failed` or `ended` says why."""


class Answer(_Numbered):
    """The answer to `complete` or `inspect`."""

    type: Literal["answer"] = "answer"
    request: str
    content: dict[str, Any]


class Ended(_Numbered):
    """The driver ends in order: the last message."""

    type: Literal["ended"] = "ended"
    reason: str = ""


# --- down: server to agent -----------------------------------------------------------------------


class Welcome(_Message):
    """The server knows this agent."""

    type: Literal["welcome"] = "welcome"
    acked: int
    """The last number that is written down."""


class Ack(_Message):
    """All messages up to this number are written down."""

    type: Literal["ack"] = "ack"
    seq: int


class Execute(_Message):
    """Run a statement, after those that came before it."""

    type: Literal["execute"] = "execute"
    statement: int
    code: str
    kind: Kind
    silent: bool = False
    request: str = ""
    """The number of the HTTP request that made it, for the driver's log."""


class Cancel(_Message):
    """Stop a statement and its Spark jobs, or take it out of the queue."""

    type: Literal["cancel"] = "cancel"
    statement: int


class Complete(_Message):
    """Ask the interpreter for completions at a place in code."""

    type: Literal["complete"] = "complete"
    request: str
    kind: Kind
    code: str
    cursor: int


class Inspect(_Message):
    """Ask the interpreter what stands at a place in code."""

    type: Literal["inspect"] = "inspect"
    request: str
    kind: Kind
    code: str
    cursor: int
    detail: int = 0


class Input(_Message):
    """The answer to an `input_request`; without a value nobody answers, and `reason` says why."""

    type: Literal["input"] = "input"
    statement: int
    value: str | None = None
    reason: str = ""


class Fetch(_Message):
    """Send a DataFrame's rows home, as one Arrow stream.

    The agent POSTs them to `…/livy/drivers/SESSION/arrow/REQUEST` with the session's secret: so
    much is not written down and burdens no acknowledgement. Where it cannot, it sends an `answer`
    with `problem` (`missing`, `busy`, `failed`) and `reason`, a sentence.
    """

    type: Literal["fetch"] = "fetch"
    request: str
    kind: Kind
    statement: int
    name: str | None = None
    """A variable; None: what the statement gave."""
    limit: int | None = None
    """Rows at most."""


class Drop(_Message):
    """Nobody waits for a `fetch` any more."""

    type: Literal["drop"] = "drop"
    request: str


class Shutdown(_Message):
    """End the session; the Spark application and the agent end with their last session."""

    type: Literal["shutdown"] = "shutdown"
    reason: str = ""


class RoomConfig(BaseModel):
    """What one session is to an agent; it has one line home for each of its sessions."""

    session: int
    url: str
    """`ws://HOST:PORT/livy/drivers/SESSION`, when this was written; a server that was started again
    at another address writes it to the file that `HOPYARD_DRIVER_HOME` names."""
    server: str = ""
    """Which server that is, wherever it listens."""
    secret: str = Field(repr=False)
    kind: Kind = Kind.SHARED
    warm: tuple[Kind, ...] = ()
    """Kinds whose interpreters are started at once, before the first code of theirs."""
    orphan_timeout: float = 300.0
    """Seconds without home after which the session ends itself."""
    output_limit: int = 10_000_000
    """Characters of one statement's output; what is beyond is cut with a marker."""


class Join(_Message):
    """Take one more session into the Spark application; one that is known is ignored.

    The agent dials home for it on a line of its own.
    """

    type: Literal["join"] = "join"
    room: RoomConfig


Output = Started | Stream | Display | Clear | InputRequest | Progress | Result
"""What belongs to a statement."""
UpMessage = Hello | Step | Ready | Failed | Output | Answer | Ended
DownMessage = (
    Welcome | Ack | Execute | Cancel | Complete | Inspect | Input | Fetch | Drop | Join | Shutdown
)


def largest_frame(output_limit: int) -> int:
    """Return the bytes of the largest message: JSON writes some characters as six."""
    return 6 * output_limit + 1_000_000


UP: TypeAdapter[UpMessage] = TypeAdapter(Annotated[UpMessage, Field(discriminator="type")])
DOWN: TypeAdapter[DownMessage] = TypeAdapter(Annotated[DownMessage, Field(discriminator="type")])


class StartConfig(BaseModel):
    """What a process with a Spark application is started with.

    It comes by a file of mode 0600, named by `HOPYARD_DRIVER_CONFIG`. The process deletes the file
    once read: what is secret in it lives in its memory only.
    """

    program: ClassVar[str]
    """The module that is run."""
    name: str = ""
    """The Spark application's name."""
    conf: dict[str, str] = {}
    """Spark properties, complete: the server has made them from the request and the mode."""
    py_files: list[str] = []
    jars: list[str] = []
    files: list[str] = []
    archives: list[str] = []
    work_dir: str = "."
    """The current folder of the user's code."""
    ticket: str = ""
    """A batch begins when its folder has a file `go-TICKET`."""

    @property
    def place(self) -> str:
        """The name of its folder, which no other process has."""
        raise NotImplementedError


class DriverConfig(RoomConfig, StartConfig):
    """What an agent is started with: its application, and the first session in it."""

    program = "hopyard.driver"

    @property
    def place(self) -> str:
        """The name of its folder."""
        return f"drivers/{self.session}"


class BatchConfig(StartConfig):
    """What a batch (an application that runs to its end by itself) is started with."""

    program = "hopyard.driver.batch"
    batch: int
    file: str
    """The Python, jar or R file, as the process sees it."""
    class_name: str | None = None
    args: list[str] = []

    @property
    def place(self) -> str:
        """The name of its folder."""
        return f"batches/{self.batch}"


class BatchReport(BaseModel):
    """What a batch's process writes into its folder, for whatever Livy server comes to read it."""

    app_id: str | None = Field(None, max_length=255)
    ui_url: str | None = Field(None, max_length=2000)
    exit_code: int | None = None
    """None while it runs."""
    reason: str = Field("", max_length=2000)
    """Why it failed, as a sentence."""
