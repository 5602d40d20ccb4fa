"""numareplay in a Python notebook: calls the command line and shows what it leaves behind.

    from numareplay import Machine, replay
    run = replay('rec.csv.gz', '-m', 'spr-2s', '-p', 'first-touch', '-p', 'numa-balancing')
    run                                  # the comparison
    run.chart('locality-over-time')      # a chart of a report
    run.table('epochs')                  # a pandas DataFrame

Needs pandas. The command is $NUMAREPLAY, the build of this checkout, or `numareplay` on the PATH.
"""

import base64
import html
import io
import json
import os
import subprocess
import tempfile
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / 'traces' / 'samples'

# Exit codes of every command: 3 = done, but a lane ran out of memory or a case differs
DONE, DONE_WITH_FINDINGS = 0, 3


class NumareplayError(RuntimeError):
    """What the command said on stderr."""


def _program():
    given = os.environ.get('NUMAREPLAY')
    if given:
        return given.split()
    built = ROOT / 'dist' / 'src' / 'cli' / 'main.js'
    return ['node', str(built)] if built.exists() else ['numareplay']


def numareplay(*arguments):
    """Runs one command and returns what it printed."""
    done = subprocess.run([*_program(), *map(str, arguments)], capture_output=True, text=True, env={**os.environ, 'NO_COLOR': '1'})
    if done.returncode not in (DONE, DONE_WITH_FINDINGS):
        raise NumareplayError(done.stderr.strip())
    return done.stdout


def query(sql, *inputs):
    """SQL over run folders, sweep stores and data sets, as a DataFrame."""
    return pd.read_csv(io.StringIO(numareplay('query', *[getattr(one, 'folder', one) for one in inputs], sql, '--format', 'csv')), keep_default_na=False, na_values=[''])


def replay(trace, *options, output=None):
    """Replays a trace and opens the run folder (a temporary one unless named)."""
    folder = Path(output) if output else Path(tempfile.mkdtemp(prefix='numareplay-')) / 'run'
    text = numareplay('replay', trace, *options, '-o', folder, '--no-html', '--no-progress')
    return Run(folder, text)


class Run:
    """A run folder. Shows itself as the comparison of its policies."""

    def __init__(self, folder, text=None):
        self.folder = Path(folder)
        self.record = json.loads((self.folder / 'run.json').read_text())
        self._text = text

    def table(self, name):
        """One of its tables (docs/run-folder-tables.md)."""
        return query(f'select * exclude (run) from {name}', self.folder)

    @property
    def summary(self):
        return self.table('summary').set_index('lane')

    @property
    def text(self):
        """What `replay` printed; for a folder that was opened, the report `summary`."""
        return self._text or numareplay('report', self.folder, '-r', 'summary')

    def chart(self, report, name=None):
        """Chart `name` of a report; the first one when not named."""
        with tempfile.TemporaryDirectory() as folder:
            numareplay('report', self.folder, '-r', report, '--spec', folder, '--png', folder)
            stem = Path(report).stem
            paths = sorted(Path(folder).glob('*.vl.json'), key=lambda path: path.stat().st_mtime_ns)
            files = {path.name.removesuffix('.vl.json'): path for path in paths}
            key = next(iter(files)) if name is None else f'{stem}-{name}'
            if key not in files:
                raise KeyError(f'report {report} has no chart {name}; it has {", ".join(one[len(stem) + 1 :] for one in files)}')
            return Chart(json.loads(files[key].read_text()), (Path(folder) / f'{key}.png').read_bytes())

    def report(self, name):
        """A report as text."""
        return Text(numareplay('report', self.folder, '-r', name))

    def _repr_mimebundle_(self, **_):
        told = json.loads(numareplay('report', self.folder, '-r', 'summary', '--json'))
        return {'text/plain': self.text, 'text/html': _table(told['reports'][0]['tables'][0], told['run']['warnings'])}


class Chart:
    """A Vega-Lite chart with its data: JupyterLab draws it, exports take the picture (PNG)."""

    def __init__(self, spec, png):
        self.spec = spec
        self.png = png

    @property
    def title(self):
        return self.spec['title']['text']

    def _repr_mimebundle_(self, **_):
        # JupyterLab's renderer knows Vega-Lite 5; charts use nothing newer
        spec = {**self.spec, '$schema': 'https://vega.github.io/schema/vega-lite/v5.json'}
        # Not SVG: nbconvert takes its lines out as if they were harmful. Two pixels of the picture are one of the screen
        width = int.from_bytes(self.png[16:20], 'big') // 2
        bundle = {'application/vnd.vegalite.v5+json': spec, 'image/png': base64.b64encode(self.png).decode(), 'text/plain': self.title}
        return bundle, {'image/png': {'width': width}}


class Machine:
    """A preset or machine file. Shows its nodes, latencies and sources."""

    def __init__(self, name):
        self.name = str(name)
        self.text = numareplay('machine', 'show', self.name)

    def _repr_mimebundle_(self, **_):
        return _preformatted(self.text)


class Text:
    """Text in columns, shown as it is."""

    def __init__(self, text):
        self.text = text

    def _repr_mimebundle_(self, **_):
        return _preformatted(self.text)


def _preformatted(text):
    return {'text/plain': text, 'text/html': f'<pre style="white-space:pre;overflow-x:auto">{html.escape(text)}</pre>'}


def _table(table, remarks):
    def row(tag, texts):
        cells = zip(texts, table['columns'], strict=True)
        return '<tr>' + ''.join(f'<{tag} style="text-align:{column["align"]}">{html.escape(text)}</{tag}>' for text, column in cells) + '</tr>'

    head = row('th', [column['heading'] for column in table['columns']])
    body = ''.join(row('td', texts) for texts in table['rows'])
    notes = ''.join(f'<p>{html.escape(note)}</p>' for note in [*table.get('notes', []), *remarks])
    return f'<table><caption>{html.escape(table["title"])}</caption><thead>{head}</thead><tbody>{body}</tbody></table>{notes}'
