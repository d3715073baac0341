"""Record the first hour of a new user as docs/first-hour.cast, which `asciinema play` shows.

It makes a folder of images and a model in MLflow as a user would bring them, types the commands of the user guide into
a terminal of its own, and keeps what they print. Run it as `make recording`.
"""

import fcntl
import json
import os
import pty
import select
import shutil
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from arogya_bench.datasets.synthetic import Synthetic

COLUMNS, ROWS = 110, 36
LONGEST_PAUSE_S = 2.0  # of the recording; the work itself takes longer
FRAME_S = 1.0  # spinners draw many frames a second, of which one is kept
CAST = Path(__file__).parent / "first-hour.cast"
DATASET = "dataset=image_folder dataset.path=clinic dataset.licence=ours 'dataset.group=(patient-[0-9]+)'"
COMMANDS = (
    "arogya-bench --version",
    "ls clinic; ls clinic/alder | head -3",
    f"arogya-bench data check image_folder {DATASET.partition(' ')[2]}",
    "arogya-bench model check models:/thumbnails/1 --images clinic",
    "arogya-bench run -m model=prior,opencv,pyfunc model.uri=models:/thumbnails/1 split.test=0.4 split.train=0.5 "
    f"{DATASET}",
    "arogya-bench compare",
)


def make_images(folder: Path) -> tuple[str, ...]:
    """Write synthetic lesions, a folder per class, with the patient in the name of each file; return the classes."""
    synthetic = Synthetic(cases=600, classes=3, image_size=64)
    lesions = synthetic.load()
    for case in lesions.cases:
        target = folder / lesions.classes[case.target or 0] / f"{case.group_id}-{case.case_id}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(synthetic.folder() / "images" / f"{case.case_id}.png", target)
    return lesions.classes


def log_model(classes: tuple[str, ...]) -> None:
    """Log and register a model of a user: a logistic regression on 8 x 8 pixels, fitted on other lesions."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec
    from sklearn.linear_model import LogisticRegression

    class Thumbnails(mlflow.pyfunc.PythonModel):  # type: ignore[misc,name-defined]
        def __init__(self, classifier: LogisticRegression) -> None:
            self.classifier = classifier

        def predict(self, model_input: np.ndarray) -> np.ndarray:
            return self.classifier.predict_proba(shrink(model_input))

    def shrink(images: np.ndarray) -> np.ndarray:
        return images.reshape(-1, 8, 8, 8, 8, 3).mean(axis=(2, 4)).reshape(len(images), -1)

    synthetic = Synthetic(cases=1200, classes=3, image_size=64, seed=8)  # not the lesions of the folder
    lesions = synthetic.load()
    images = np.stack([lesions.read(case) for case in lesions.cases]).astype(np.float32) / 255
    classifier = LogisticRegression(max_iter=1000).fit(shrink(images), [case.target for case in lesions.cases])
    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, 64, 64, 3))]),
        outputs=Schema([TensorSpec(np.dtype(np.float64), (-1, len(classes)))]),
    )
    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    mlflow.set_experiment("research")
    with mlflow.start_run():
        mlflow.pyfunc.log_model(
            name="thumbnails",
            python_model=Thumbnails(classifier),
            signature=signature,
            registered_model_name="thumbnails",
            metadata={"classes": list(classes)},
        )


def type_command(command: str) -> Iterator[tuple[float, str]]:
    """Run a command in a terminal, and yield the second and text of what it prints."""
    process, terminal = pty.fork()
    if process == 0:
        os.execvp("bash", ["bash", "-c", command])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    started = time.monotonic()
    while True:
        select.select([terminal], [], [])
        try:
            output = os.read(terminal, 1 << 16)
        except OSError:  # the command has ended
            break
        if not output:
            break
        yield time.monotonic() - started, output.decode(errors="replace")
    os.waitpid(process, 0)


def thin_frames(events: Iterator[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Leave out the frames of spinners that follow each other quickly: they draw on the same line."""
    shown = float("-inf")
    for second, text in events:
        redraws = "\n" not in text and ("\r" in text or "\x1b[2K" in text)
        if not redraws or second - shown >= FRAME_S:
            yield second, text
            shown = second


def record(commands: tuple[str, ...]) -> list[tuple[float, str]]:
    """Type commands, and return second and text of what the terminal shows, without long pauses."""
    clock, events = 0.0, []
    for command in commands:
        events.append((clock, f"\x1b[1m$ {command}\x1b[0m\r\n"))
        previous = 0.0
        for second, text in thin_frames(type_command(command)):
            clock += min(second - previous, LONGEST_PAUSE_S)
            previous = second
            events.append((clock, text))
        clock += LONGEST_PAUSE_S
    return events


def main() -> int:
    """Return the exit code."""
    os.environ.update(PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", TERM="xterm-256color")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        log_model(make_images(Path("clinic")))
        events = record(COMMANDS)
        os.chdir("/")
    header = {"version": 2, "width": COLUMNS, "height": ROWS, "title": "The first hour with arogya-bench"}
    lines = [json.dumps(header), *(json.dumps([round(second, 2), "o", text]) for second, text in events)]
    CAST.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
