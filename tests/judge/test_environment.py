"""What cells do in Jupyter and does not concern the exercise costs no marks.

Each cell here is valid where it was written: in Colab, on Kaggle, in VS Code, with
packages, files and people that the judge has not. It ends in an import that the
exercise after it needs.
"""

import re
from dataclasses import replace
from typing import Any

import pytest

from autograder.judge import Times, Verdict, judge
from tests.judge.course import EXERCISES, SOLVED
from tests.notebooks import IMPORTS, answer, cell, checked, notebook

pytestmark = pytest.mark.sandbox

TIMES = Times(cell=5, exercise=5, notebook=120)
SCALED = EXERCISES[0]
USES_MATH = "def scaled(x, factor=2.0):\n    return math.exp(math.log(factor)) * x"

IDIOMS = {
    # IPython's shell, however one comes by it
    "get_ipython": "get_ipython().run_line_magic('matplotlib', 'inline')",
    "IPython": "from IPython import get_ipython\n"
    "get_ipython().run_line_magic('matplotlib', 'inline')",
    "IPython.core": "from IPython.core.getipython import get_ipython as ask\n"
    "ask().run_line_magic('load_ext', 'autoreload')",
    "IPython, by attribute": "import IPython\n"
    "IPython.core.getipython.get_ipython().run_cell_magic('bash', '', 'ls')\n"
    "IPython.get_ipython().magic('matplotlib inline')",
    "which shell": "def is_notebook():\n    try:\n"
    "        return get_ipython().__class__.__name__ == 'ZMQInteractiveShell'\n"
    "    except NameError:\n        return False\nassert is_notebook()",
    "whether Colab": "IN_COLAB = 'google.colab' in str(get_ipython())\nIN_COLAB or 1",
    "IPKernelApp": "if 'IPKernelApp' in get_ipython().config:\n    pass",
    "__IPYTHON__": "assert __IPYTHON__\nassert 'get_ipython' in globals()",
    "system": "get_ipython().system('pip install -q torch')\n"
    "shown = get_ipython().getoutput('nvidia-smi')\nprint('\\n'.join(shown))",
    "events": "get_ipython().events.register('post_execute', lambda: None)",
    "user_ns": "get_ipython().user_ns['k'] = 3\nget_ipython().push({'m': 4})\n"
    "assert k + m == 7 == get_ipython().ev('k + m')",
    "run_cell": "get_ipython().run_cell('k = 5')\nget_ipython().ex('k += 1')\n"
    "assert k == 6",
    "nodes": "from IPython.core.interactiveshell import InteractiveShell\n"
    "InteractiveShell.ast_node_interactivity = 'all'",
    # magics
    "matplotlib": "%matplotlib inline\n%config InlineBackend.figure_format = 'retina'",
    "matplotlib widget": "%matplotlib widget",
    "retina": "import matplotlib_inline\n"
    "matplotlib_inline.backend_inline.set_matplotlib_formats('retina')",
    "autoreload": "%load_ext autoreload\n%autoreload 2",
    "tensorboard": "%load_ext tensorboard\n%tensorboard --logdir logs",
    "pip": "%pip install -q torch torchvision\n!pip install optax\nimport optax",
    "shell": "!ls -la\n!nvidia-smi\nfiles = !ls\nprint(files[0])\nprint(_exit_code)",
    "cd": "%cd /content/drive/MyDrive/course\n%mkdir -p figures\n%pwd",
    "env": "%env CUDA_VISIBLE_DEVICES=0\n%set_env KERAS_BACKEND jax\nimport os\n"
    "assert os.environ['CUDA_VISIBLE_DEVICES'] == '0'\n"
    "assert os.environ['KERAS_BACKEND'] == 'jax'",
    "timeit": "t = %timeit -o sum(range(10))\nprint(t.average)\n%timeit sum([1])",
    "time": "%time k = sum(range(10))\nr = %time k + 1\nassert r == 46",
    "cell time": "%%time\nimport torch\nk = torch.ones(3)",
    "cell capture": "%%capture out\nprint('hello')",
    "cell timeit and more": "%prun sum([1])\n%who\n%whos\n%lsmagic\n%xmode Minimal",
    "reset": "%reset -f\n%precision 3\n%store -r k",
    "pylab": "%pylab inline\nassert linspace(0, 1, 3)[1] == 0.5 and plt and np",
    "help": "len?\n?len\nprint??",
    "a magic of one's own": "from IPython.core.magic import register_line_magic\n"
    "@register_line_magic\ndef double(line):\n    return 2 * int(line)\n"
    "k = %double 4\nassert k == 8",
    "a class of magics": "from IPython.core.magic import Magics, magics_class, "
    "line_magic\n@magics_class\nclass Mine(Magics):\n    @line_magic\n"
    "    def mine(self, line):\n        return line\n"
    "get_ipython().register_magics(Mine)\n%mine 3",
    # the names that IPython gives
    "history": "6 * 7\nprint(_, __, ___, In[-1], len(Out), _ih, _oh, _dh[0])",
    "exit": "exit\nquit",
    "exit, called": "if False:\n    exit()\nquit()",
    "display": "display(3, 'x')\nh = display('x', display_id=True)\nh.update('y')",
    "display, imported": "from IPython.display import display, HTML, clear_output\n"
    "h = display(HTML('<b>x</b>'), display_id='h')\nh.update(3)\nclear_output(True)",
    "display, of old": "from IPython.core.display import display, HTML\n"
    "display(HTML('<style>.container { width: 95% !important; }</style>'))",
    "media": "from IPython.display import Image, YouTubeVideo\n"
    "YouTubeVideo('x')\nImage(filename='diagram.png')",
    "VS Code": "import os\nos.chdir(os.path.dirname(__vsc_ipynb_file__))",
    "main": "if __name__ == '__main__':\n    print(__name__)\n'__file__' in globals()",
    "argv": "import sys\nsys.argv[1:]\nsys.argv = ['train.py', '--lr', '1']",
    "argparse": "import argparse\np = argparse.ArgumentParser()\n"
    "p.add_argument('--lr', default=1.0)\nargs = p.parse_args([])",
    "warnings": "import warnings\nwarnings.filterwarnings('ignore')\n"
    "warnings.simplefilter('error')\nwarnings.simplefilter('ignore')",
    # asyncio
    "await": "import asyncio\nawait asyncio.sleep(0)\n"
    "k = await asyncio.sleep(0.01, 3)\nassert k == 3",
    "await, and a loop": "import asyncio\nasync def count(n):\n    for i in range(n):\n"
    "        await asyncio.sleep(0)\n        yield i\n"
    "k = [i async for i in count(3)]\nasync for i in count(2):\n    k.append(i)\n"
    "assert k == [0, 1, 2, 0, 1]",
    "await, and a context": "from contextlib import asynccontextmanager\n"
    "@asynccontextmanager\nasync def lent():\n    yield 3\n"
    "async with lent() as k:\n    assert k == 3",
    "await, in a thread": "import asyncio\nk = await asyncio.to_thread(sum, [1, 2])\n"
    "assert k == 3\nk = await asyncio.gather(asyncio.sleep(0, 1))\nassert k == [1]",
    "a task": "import asyncio\nasync def work():\n    return 4\n"
    "task = asyncio.create_task(work())\nk = await task\nassert k == 4",
    "asyncio.run": "import nest_asyncio\nnest_asyncio.apply()\nimport asyncio\n"
    "async def work():\n    await asyncio.sleep(0)\n    return 4\n"
    "assert asyncio.run(work()) == 4",
    "the loop": "import asyncio\nloop = asyncio.get_event_loop()\n"
    "future = loop.create_future()\nfuture.set_result(2)\nassert await future == 2",
    # Colab and Kaggle
    "drive": "from google.colab import drive\ndrive.mount('/content/drive')",
    "files": "from google.colab import files, output\nuploaded = files.upload()\n"
    "for name in uploaded.keys():\n    print(name, len(uploaded[name]))\n"
    "import google.colab\ngoogle.colab.output.clear()",
    "secrets": "from google.colab import userdata\nimport os\n"
    "os.environ['TOKEN'] = userdata.get('TOKEN')",
    "in Colab or not": "try:\n    import google.colab\n    IN_COLAB = True\n"
    "except ImportError:\n    IN_COLAB = False\nassert not IN_COLAB",
    "Kaggle": "import os\nimport pandas as pd\n"
    "for folder, _, names in os.walk('/kaggle/input'):\n    print(folder, names)\n"
    "train = pd.read_csv('/kaggle/input/titanic/train.csv')\ntrain.head()\n"
    "x = train[['Age', 'Fare']].fillna(0).values\nprint(x.shape, x.mean())\n"
    "X_train, X_test = x[:600], x[600:]\nn, d = X_train.shape\nnames = list(train)",
    "environment": "import os\nos.environ['PATH'] += ':/usr/local/cuda/bin'\n"
    "home = os.environ['COLAB_RELEASE_TAG']\nos.environ['X'] = '1'",
    # packages
    "torch": "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
    "from torch.utils.data import DataLoader as Loader\nprint(torch.__version__)\n"
    "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
    "torch.manual_seed(0)\ntorch.backends.cudnn.deterministic = True\n"
    "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
    "        self.fc = nn.Linear(3, 1)\n    def forward(self, x):\n"
    "        return F.relu(self.fc(x))\nnet = Net().to(device)\n"
    "opt = torch.optim.SGD(net.parameters(), lr=0.1)\nlosses = []\n"
    "for epoch in range(3):\n    for x, y in Loader([], batch_size=2):\n"
    "        loss = ((net(x) - y) ** 2).mean()\n        opt.zero_grad()\n"
    "        loss.backward()\n        opt.step()\n    losses.append(loss.item())\n"
    "    print(f'{epoch} {loss.item():.3f} %.2f' % loss)\n"
    "with torch.no_grad():\n    assert torch.allclose(net(x), y)\n"
    "@torch.no_grad()\ndef accuracy(net: nn.Module, x: torch.Tensor | None = None):\n"
    "    return float(net(x).mean())\nacc = accuracy(net)\n"
    "print(round(acc, 2), acc > 1)",
    "no GPU": "import sys\nimport torch\nif not torch.cuda.is_available():\n"
    "    sys.exit('change the runtime')",
    "tensorflow": "import tensorflow as tf\nfrom tensorflow import keras\n"
    "gpus = tf.config.list_physical_devices('GPU')\nfor gpu in gpus:\n"
    "    tf.config.experimental.set_memory_growth(gpu, True)\n"
    "(x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()\n"
    "x_train, x_test = x_train / 255.0, x_test / 255.0\n"
    "model = keras.Sequential([keras.layers.Dense(10)])\nmodel.compile('adam')\n"
    "history = model.fit(x_train, y_train, epochs=2)\n"
    "import matplotlib.pyplot as plt\nplt.plot(history.history['loss'])\nplt.show()",
    "jax": "import jax\nimport jax.numpy as jnp\n"
    "jax.config.update('jax_enable_x64', True)\n"
    "@jax.jit\ndef f(x):\n    return jnp.sum(x**2)\nprint(jax.grad(f)(jnp.ones(3)))",
    "sklearn": "from sklearn.datasets import load_iris\n"
    "X, y = load_iris(return_X_y=True)\n"
    "from sklearn.model_selection import train_test_split\n"
    "X_train, X_test, y_train, y_test = train_test_split(X, y)\n"
    "assert X_train.shape[1] == 4, 'four features'",
    "seaborn": "import seaborn as sns\nsns.set_theme(style='whitegrid')\n"
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\n"
    "sns.lineplot(x=[1], y=[2], ax=ax)\nplt.show()",
    "scipy": "from scipy import optimize, stats\nimport scipy.special as sp\n"
    "best = optimize.minimize(lambda x: x @ x, [1.0])\nprint(best.x, best['fun'])\n"
    "assert best.fun < 1e-6 and np.allclose(best.x, 0)\nnp.mean([best.x, 1.0])\n"
    "gain = np.sqrt(best.fun) * np.ones(3) + best.x\nnorm = np.linalg.norm(best.x)",
    "sympy": "from sympy import *\nx, y = symbols('x y')\ninit_printing()\n"
    "expr = x**2 + sin(y)\ndiff(expr, x)",
    "tqdm": "from tqdm.notebook import tqdm, trange\nfrom tqdm import tqdm as bar\n"
    "k = []\nfor i in tqdm(range(5), desc='steps'):\n    k.append(i)\n"
    "for i in trange(3):\n    k.append(i)\nfor i, x in enumerate(bar([7])):\n"
    "    k.append(x)\nassert k == [0, 1, 2, 3, 4, 0, 1, 2, 7]\n"
    "with tqdm(total=3) as t:\n    t.update(1)\n    t.set_postfix(loss=3)",
    "ipywidgets": "import ipywidgets as widgets\nfrom ipywidgets import interact\n"
    "@interact(x=(0, 10))\ndef f(x):\n    return x\n"
    "slider = widgets.IntSlider(value=3)\ndisplay(slider)\n"
    "slider.observe(lambda change: None, names='value')",
    "plotly": "import plotly.express as px\nimport plotly.io as pio\n"
    "pio.renderers.default = 'colab'\nfig = px.line(x=[1, 2], y=[3, 4])\nfig.show()",
    "wandb": "import wandb\nwandb.login()\nwith wandb.init(project='x') as run:\n"
    "    for k in range(3):\n        run.log({'loss': k})",
    "optional": "try:\n    import cupy as xp\nexcept ImportError:\n"
    "    import numpy as xp\nassert xp.ones(3).sum() == 3",
    "in a function": "def setup():\n    import torch\n    torch.manual_seed(0)\n"
    "    return torch.device('cpu')\ndevice = setup()\ndevice.type",
    "in a branch": "if True:\n    import torch\n    k = torch.ones(3)\nprint(k)",
    "a part that is not there": "import matplotlib.cbook.gone\nimport os.gone as g\n"
    "import matplotlib.pyplot as plt\nplt.plot([1])",
    "versions": "import matplotlib.pyplot as plt\nplt.style.use('seaborn-whitegrid')\n"
    "cmap = plt.cm.get_cmap('viridis')\nnp.warnings.filterwarnings('ignore')\n"
    "k = np.float(3)\nk = np.float_(3)\nk = np.product([1, 2])",
    "pydantic": "from typing import Optional\nfrom pydantic import BaseModel, Field\n"
    "class Config(BaseModel):\n    lr: float = Field(0.1, gt=0)\n"
    "    name: Optional[str] = None\ncfg = Config(lr=0.2)\nprint(cfg.lr * 2, cfg)",
    "mixed bases": "import torch\nclass Tools:\n    pass\n"
    "class Data(Tools, torch.utils.data.Dataset):\n    def __len__(self):\n"
    "        return 3\ndata = Data()\nprint(len(data), data[0])",
    "waiting": "import cv2\ncap = cv2.VideoCapture(0)\nwhile True:\n"
    "    ok, frame = cap.read()\n    if not ok:\n        break\n"
    "while not cap.isOpened():\n    cap.open(0)\ncap.release()",
    "kept": "import copy\nimport pickle\nimport torch\n"
    "best = copy.deepcopy(torch.ones(3))\n"
    "with open('model.pt', 'wb') as f:\n    pickle.dump(best, f)",
    # files, the network, programs, people
    "writefile": "get_ipython().run_cell_magic('writefile', 'tools{n}.py',"
    " 'import math\\ndef f(x): return 2 * x')\nfrom tools{n} import f\n"
    "import tools{n}\nassert f(3) == 6 == tools{n}.f(3)\n"
    "%run tools{n}.py\n%run tools{n}",
    "a file that imports": "get_ipython().run_cell_magic('writefile', 'net{n}.py',"
    " 'import torch\\nfrom torch import nn\\nimport torch.nn.functional as F\\n"
    "class Net(nn.Module): pass\\ndef f(x): return 2 * x')\n"
    "from net{n} import f, Net\nassert f(3) == 6",
    "data": "data = np.loadtxt('data.csv', delimiter=',')\n"
    "x, y = data[:, 0], data[:, 1]\n"
    "assert len(x) == len(y)\nwith open('notes.txt') as f:\n    text = f.read()\n"
    "words = text.split()\nprint(len(words))",
    "files of one's own": "import os\nos.makedirs('figures', exist_ok=True)\n"
    "import matplotlib.pyplot as plt\nplt.plot([1])\nplt.savefig('figures/a.png')\n"
    "import json\nwith open('r.json', 'w') as f:\n    json.dump([1], f)",
    "network": "import urllib.request\n"
    "path, _ = urllib.request.urlretrieve('https://example.org/x.csv', 'x.csv')\n"
    "import requests\nr = requests.get('https://example.org')\n"
    "assert r.status_code == 200",
    "programs": "import subprocess\n"
    "out = subprocess.run(['nvidia-smi'], capture_output=True, text=True)\n"
    "print(out.stdout)\nassert out.returncode == 0",
    "people": "name = input('name? ')\nn = int(input('how many? '))\nprint(n + 1)\n"
    "import getpass\ntoken = getpass.getpass()\ntoken.strip()",
    "who and where": "import getpass\nimport locale\nuser = getpass.getuser()\n"
    "locale.setlocale(locale.LC_ALL, 'de_DE.UTF-8')\nimport os\nos.getlogin()",
    "a window": "import tkinter\nroot = tkinter.Tk()\nimport matplotlib\n"
    "matplotlib.use('TkAgg')",
    "several processes": "import multiprocessing as mp\nwith mp.Pool(2) as pool:\n"
    "    k = pool.map(abs, [-1])\nassert sum(k) == 1",
    "films and TeX": "import matplotlib.pyplot as plt\n"
    "from matplotlib.animation import FuncAnimation\nfig, ax = plt.subplots()\n"
    "film = FuncAnimation(fig, lambda i: ax.plot([i]), frames=1)\n"
    "from IPython.display import HTML\nHTML(film.to_html5_video())\n"
    "with plt.rc_context({'text.usetex': True}):\n    ax.set_title('$x$')\n"
    "    fig.savefig('x.png')",
    "memory": "def hog():\n    big = np.empty(3 << 26)\n"
    "    return big, np.empty(1 << 30)\nbig = hog()\nbig[0].sum()\n"
    "k = np.empty(3 << 26)\nassert type(k) is np.ndarray\ndel k",
    "a script that exits": "with open('end{n}.py', 'w') as f:\n"
    "    f.write('import sys\\nk = __file__\\nsys.exit(0)')\n"
    "%run end{n}.py --lr 1\nassert k == 'end{n}.py'",
    "what cells before have written": "from helper import f, g\n"
    "assert (f(1), g(1)) == (2, 3)\nassert kept.stdout == 'hello\\n'",
    "an earlier chapter": "sgd_step = recall('01_gradient_descent', 'sgd_step')\n"
    "theta = sgd_step(np.ones(3), np.ones(3), 0.1)\nprint(theta.mean())",
}
"""What cells begin with; ``{n}`` is a number of the cell's own."""

BEFORE = {
    "a whole cell of writefile": "%%writefile helper.py\ndef f(x):\n    return 2 * x",
    "more of the file": "%%writefile -a helper.py\ndef g(x):\n    return 3 * x",
    "bash": "%%bash\npip install torch",
    "html": "%%html\n<b>x</b>",
    "javascript": "%%javascript\nalert(1)",
    "an own kernel's": "%%sql\nselect 1",
    "capture": "%%capture kept\nprint('hello')",
}
"""Cells that are of one kind of magic from beginning to end."""


@pytest.fixture(scope="module")
def judged_idioms() -> dict[str, Any]:
    """All the idioms, each in a cell before an exercise of its own."""
    cells, names = [IMPORTS, *map(cell, BEFORE.values())], {}
    for n, (title, source) in enumerate(IDIOMS.items()):
        names[f"scaled{n}"] = title
        cells.append(cell(f"{source.replace('{n}', str(n))}\nimport math as math{n}"))
        own = re.sub(r"\b(scaled|math)\b", rf"\g<1>{n}", USES_MATH)
        cells += [answer(f"scaled{n}", own), checked(f"scaled{n}")]
    exercises = [replace(SCALED, name=name) for name in names]
    verdict = judge("00_toy", exercises, notebook(*cells), bytes(32), TIMES)
    return {names[name]: one for name, one in verdict.exercises.items()}


@pytest.mark.parametrize("title", IDIOMS)
def test_what_a_cell_does_besides_costs_nothing(judged_idioms, title):
    one = judged_idioms[title]
    assert (one.status, one.score) == ("passed", 4.0), str(one.report)


LOCKED = "import json\ngrads = np.ones(3)\nfor sum in range(3):\n    pass\n"
LOCKED += "def moves(g):\n    return g"


def test_what_the_chapters_own_cells_define_costs_nothing():
    uses = "out = moves(grads)\nprint(out.mean(), sum([1]), json.dumps(1))\n"
    uses += "import matplotlib.pyplot as plt\nplt.plot(out)\nimport math"
    exercise = answer("scaled", USES_MATH), checked("scaled")
    data = notebook(IMPORTS, cell(LOCKED, tags=["figure"]), cell(uses), *exercise)
    verdict = judge("00_toy", (SCALED,), data, bytes(32), TIMES)
    assert verdict.score == 4.0, str(verdict.exercises["scaled"].report)


def test_what_the_chapters_own_cells_define_is_not_there_in_the_exercise():
    exercise = answer("scaled", f"{DEF}    return grads"), checked("scaled")
    data = notebook(IMPORTS, cell(LOCKED, tags=["figure"]), *exercise)
    verdict = judge("00_toy", (SCALED,), data, bytes(32), TIMES)
    shown = str(verdict.exercises["scaled"].report)
    assert shown.startswith("scaled: 0 of 4 points (error)")
    assert (
        "NameError: 'grads' is defined in a cell that is not run by the judge" in shown
    )


# What the exercise itself needs


def only(source: str, *before: str) -> Verdict:
    """A notebook with the exercise ``scaled`` alone."""
    cells = [IMPORTS, *map(cell, before), answer("scaled", source), checked("scaled")]
    return judge("00_toy", (SCALED,), notebook(*cells), bytes(32), TIMES)


DEF = "def scaled(x, factor=2.0):\n"
TORCH = "ModuleNotFoundError: No module named 'torch'"
NEEDED = {
    f"import torch\n{DEF}    return torch.mul(x, factor)": TORCH,
    f"import torch\n{DEF}    return x * torch.tensor(factor)": TORCH,
    f"import torch\nTWO = torch.tensor(2.0)\n{DEF}    return TWO": TORCH,
    f"import torch\nTWO = torch.tensor(2.0)\n{DEF}    return [x, (TWO,)]": TORCH,
    f"import torch\nTWO = torch.tensor(2.0)\n{DEF}    return x * TWO": TORCH,
    f"import torch\nTWO = torch.tensor(2.0)\n{DEF}    return TWO * x": TORCH,
    f"import torch\nTWO = float(torch.tensor(2.0))\n{DEF}    return TWO * x": TORCH,
    f"import torch\nTWO = 1.0\nTWO += float(torch.ones(1))\n{DEF}    return TWO * x": (
        TORCH
    ),
    f"import torch\na, TWO = torch.tensor([1.0, 2.0])\n{DEF}    return TWO * x": TORCH,
    f"import torch\n{DEF}    return x if torch.cuda.is_available() else x": TORCH,
    f"import torch\n{DEF}    return x if isinstance(x, torch.Tensor) else x": TORCH,
    f"import torch\n{DEF}    return np.asarray(torch)": TORCH,
    "import torch\nscaled = torch.compile(lambda x, factor=2.0: factor * x)": TORCH,
    "import torch\nclass Scaled(torch.nn.Module):\n    def forward(self, x):\n"
    "        return 2 * x\nscaled = Scaled()": TORCH,
    f"{DEF}    import torch\n    return x": TORCH,
    f"from numba import njit\n@njit\n{DEF}    return factor * x": (
        "No module named 'numba'"
    ),
    f"from tqdm.auto import tqdm\n{DEF}    for _ in tqdm([1]):\n"
    "        x = factor * x\n    return x": "No module named 'tqdm.auto'",
    f"from google.colab import drive\n{DEF}    return drive.f(x)": (
        "No module named 'google.colab'"
    ),
    f"from sympy import *\n{DEF}    return symbols('x')": "No module named 'sympy'",
    f"k = !cat factor.txt\n{DEF}    return x if k else x": "OSError: !cat factor.txt",
    f"k = np.loadtxt('k.csv')\n{DEF}    return k * x": "FileNotFoundError: k.csv",
    f"k = float(input())\n{DEF}    return k * x": "EOFError",
    f"f = recall('01_gradient_descent', 'sgd_step')\n{DEF}    return f(x, x, factor)": (
        "recall needs sgd_step from chapter 01_gradient_descent"
    ),
    f"import os\nk = os.environ['FACTOR']\n{DEF}    return k * x": "KeyError: 'FACTOR'",
}
"""Answers that cannot be had here, and what is said of each."""


@pytest.fixture(scope="module")
def judged_needed() -> dict[str, Any]:
    cells, names = [IMPORTS], {}
    for n, source in enumerate(NEEDED):
        names[f"scaled{n}"] = source
        own = re.sub(r"\bscaled\b", f"scaled{n}", source)
        cells += [answer(f"scaled{n}", own), checked(f"scaled{n}")]
    exercises = [replace(SCALED, name=name) for name in names]
    verdict = judge("00_toy", exercises, notebook(*cells), bytes(32), TIMES)
    return {names[name]: one for name, one in verdict.exercises.items()}


@pytest.mark.parametrize("source", NEEDED)
def test_what_the_exercise_needs_is_named_and_earns_nothing(judged_needed, source):
    one = judged_needed[source]
    assert (one.status, one.score) == ("error", 0.0)
    assert NEEDED[source] in str(one.report)


def test_a_callback_is_not_asked_about_what_is_absent():
    source = "import torch\nK = torch.ones(3)\n"
    source += "def descent(grad_fn, x0, steps):\n    return grad_fn(K)"
    cells = answer("descent", source), checked("descent")
    verdict = judge("00_toy", EXERCISES[2:], notebook(*cells), bytes(32), TIMES)
    shown = str(verdict.exercises["descent"].report)
    assert shown.startswith("descent: 0 of 4 points (error)")
    assert TORCH in shown


def test_the_cell_that_needs_it_is_told():
    source = f"{DEF}    return drive.f(x)"
    verdict = only(source, "x = 1\nfrom google.colab import drive")
    shown = str(verdict.exercises["scaled"].report)
    assert "cell number 2 needs something that is missing where this is graded" in shown
    assert "No module named 'google.colab'" in shown


def test_it_is_not_told_where_it_does_not_matter():
    verdict = only(f"{DEF}    raise NotImplementedError", "import torch")
    assert "torch" not in str(verdict.exercises["scaled"].report)


@pytest.mark.parametrize(
    "source",
    [
        "import torch\n"
        "def scaled(x: torch.Tensor, factor: float = 2.0) -> torch.Tensor:\n"
        "    return factor * x",
        "import torch\ndef scaled(x, factor=2.0, device=torch.device('cpu')):\n"
        "    return factor * x",
        f"import torch\n{DEF}    return factor * x\n\n"
        "print(scaled(torch.ones(3)).mean())",
        f"{DEF}    return factor * x\n\nx = scaled(np.loadtxt('x.csv'))\nprint(x[0])",
        f"import asyncio\nawait asyncio.sleep(0)\n{DEF}    return factor * x",
        f"{DEF}    try:\n        import torch\n    except ImportError:\n        pass\n"
        "    return factor * x",
        f"{DEF}    display(x)\n    h = display(x, display_id='x')\n    h.update(x)\n"
        "    return factor * x",
        f"from IPython.display import display\n{DEF}"
        "    import matplotlib.pyplot as plt\n    display(x)\n    plt.figure()\n"
        "    return factor * x",
    ],
)
def test_what_stands_beside_the_exercise_in_its_cell_costs_nothing(source):
    verdict = only(source)
    assert verdict.score == 4.0, str(verdict.exercises["scaled"].report)


# What Jupyter would not run either


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("x = 1 / 0", "ZeroDivisionError: division by zero"),
        ("import torch\nx = 1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError('enough')", "ValueError: enough"),
        ("import sys\nsys.exit(1)", "SystemExit: 1"),
        ("assert 1 > 2, 'no'", "AssertionError: no"),
        ("undefined", "NameError: name 'undefined' is not defined"),
        ("{}['key']", "KeyError: 'key'"),
        ("[].key", "AttributeError"),
        ("%%time\nx = 1 / 0", "ZeroDivisionError"),
        ("%%capture\nx = 1 / 0", "ZeroDivisionError"),
        ("await (lambda: 1 / 0)()", "ZeroDivisionError"),
        ("import asyncio\nasync def f(): 1 / 0\nawait f()", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_a_cell_ends_where_it_ends_in_jupyter(source, cause):
    verdict = only(USES_MATH, f"{source}\nimport math")
    one = verdict.exercises["scaled"]
    assert (one.status, one.score) == ("error", 0.0)
    shown = str(one.report)
    assert "NameError: name 'math' is not defined" in shown
    assert f"cell number 2 failed: {cause}" in shown


def test_what_a_cell_shows_has_its_names():
    first, second = "6 * 7", "assert _ == Out[1] == 42 and In[1] == '6 * 7'\n_ + 1"
    third = "assert (_, __, ___) == (43, 42, '')\n_ = 5"
    fourth = "assert _ == 5\nimport math"
    cells = [cell(x) for x in (first, second, third, "7", fourth)]
    exercise = answer("scaled", USES_MATH), checked("scaled")
    verdict = judge("", (SCALED,), notebook(*cells, *exercise), bytes(32), TIMES)
    assert verdict.score == 4.0, str(verdict.exercises["scaled"].report)


def test_a_long_sum_is_no_deep_statement():
    source = f"k = {' + '.join(['1'] * 900)}"
    assert only(USES_MATH, f"{source}\nassert k == 900\nimport math").score == 4.0


def test_files_are_written_in_the_sandbox_alone(tmp_path):
    path = tmp_path / "helper.py"
    source = f"%%writefile {path}\nx = 1"
    assert only(SOLVED["scaled"], source).score == 4.0
    assert not path.exists()
