"""The errors a user can act on, and their texts.

Each text is one sentence that says what failed, what was found, and what to do next. Its code is stable: programs and
tests go by the code, never by the words. Only the front ends catch these and turn them into a line and an exit code.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    # the arguments of the command line
    "VS101": "no images to learn from; give some",
    "VS102": "a report needs painted videos, --source and --style",
    "VS103": "a plan is for a video; images are painted by 'vidstyle INPUT --style IMAGE'",
    "VS104": "--log-losses and --plot-losses are for one image or film; leave them out for a folder",
    "VS105": "--max-mb, --width, --beside and --curve are for an animation; add --progress-gif FILE",
    "VS106": "--progress-gif needs a painting; leave out --preview and --dry-run",
    "VS107": "--host {host} lets others in; add --auth USER:PASSWORD, or set {password}",
    "VS108": "--host {host} is no name to ask for; give the address that others reach this machine by",
    "VS109": "--auth should be USER:PASSWORD, both not empty",
    "VS111": "--size {text!r} is no size of a texture; give one like 512x768, from 32x32 on",
    "VS112": "--report needs a painted film; leave out --preview and --dry-run",
    "VS113": "--at needs --preview; for a stretch of the video use --from and --to",
    "VS114": "--dry-run and --preview do not go together; leave one out",
    "VS115": "--dry-run writes nothing; leave out --save-settings",
    "VS116": "--log-losses and --plot-losses need a painting; leave out --preview and --dry-run",
    "VS117": "--log-losses and --plot-losses hear this machine only; leave out --ray",
    "VS118": "--task-cpus, --task-gpus and --storage say how a cluster paints; add --ray",
    "VS119": "--preview and --dry-run are done on this machine; leave out --ray",
    "VS120": "--device is for this machine; with --ray, give each task a GPU by --task-gpus 1",
    "VS121": "--progress-gif shows the painting of one snapshot; add --snapshot FILE, without --count",
    "VS122": "--snapshot goes with neither --record nor --fps; leave them out",
    "VS123": "--countdown, --count and --every are for snapshots; add --snapshot FILE",
    "VS124": "--seconds is for recordings; add --record FILE",
    "VS125": "--every is for several images; add --count N",
    # settings
    "VS201": "--log-file {file} cannot be written ({reason}); choose another place",
    "VS202": "{where}{error}",
    "VS203": "the page needs Gradio, which is not installed; pip install 'vidstyle[web]'",
    "VS204": "--max-upload {size!r} is no size; give one like 500mb or 2gb",
    "VS206": "--ray needs Ray, which is not installed; pip install 'vidstyle[cluster]'",
    "VS207": "--device {name} is not on this machine (here: {present}); use one of these or auto",
    "VS208": "no painted video given; give one or more",
    "VS209": "--dry-run looks at one clip; give one of the folder",
    "VS210": "--preview is for videos and animations; for an image, use --size 256",
    "VS211": "--at {moment:g} is outside of the film, which is {seconds:.2f} s long",
    "VS212": "no style given; add --style IMAGE",
    "VS213": "--style-keys names style {last}, and there are {styles} of --style; give one for each",
    "VS214": "there are {count} of --style-mask for {styles} of --style; leave some out",
    "VS215": "--style-keys, --strength-keys and --style-per-shot are for films; leave them out",
    "VS216": "--style-mask says where each style is; leave out --style-blend, -keys and -per-shot",
    "VS217": "--from {start:g} --to {to} is no stretch of time; give 0 <= from < to, in seconds",
    "VS218": "--from and --to are for videos and animations; leave them out for images",
    "VS219": "--report is for videos painted to videos; leave it out for images and animations",
    "VS220": "--task-cpus {cpus:g} --task-gpus {gpus:g} can paint nothing; give more than 0 CPUs",
    "VS221": "--task-gpus {gpus:g}: give a share of one GPU, like 0.5, or a whole number",
    "VS222": "--storage {storage}: is no URL; give one like s3://bucket/films, or share the output's folder",
    "VS223": "--ray is for videos, whose shots are painted apart; leave it out for images",
    "VS224": "{path}: a mask for images should be an image; give one of {image_endings}",
    "VS225": "{text!r} has no style but the source; name one, like 0s=source, 2s=A",
    "VS226": "{text!r} is no blend; give a number from 0 for each style, like 0.7,0.3",
    "VS227": "{text!r} has no key; write keys like 0s=..., 4s=...",
    "VS228": "the times of {text!r} do not rise; give each key a later time than the one before",
    "VS229": "{value!r} in {text!r} has no style with a share above 0",
    "VS230": "{value!r} in {text!r} is no number from 0 to 1; write keys like 0s=0.2, 4s=0.8",
    "VS231": "{term!r} in {text!r} is no style; A is the first --style, B the second: 0.5A+0.5B, or source",
    "VS232": "{error}; write keys like 0s=..., 4s=...",
    "VS233": "{text!r} is not a layer of VGG19; {hint}",
    "VS234": "{text!r} names no layer with a weight above 0; give one like conv3_1 or conv3_1=0.5",
    "VS235": "{layer} stands twice in {text!r}; give it once",
    "VS236": "the weight of {layer} should be 0 or more, instead got {weight!r}",
    "VS237": "--strength needs --loss relative; with sums, use --content-weight and --style-weight",
    "VS238": "--style-loss and --strength-keys need --loss relative; leave out --loss sums",
    "VS239": "--style-blend, --style-keys and --style-per-shot exclude each other; give one",
    "VS240": "--content-weight and --style-weight are both 0, so there is nothing to paint; raise one",
    "VS241": "there is no preset {name!r}; use {near}",
    "VS242": "--style-blend has {found} numbers for {styles} of --style; give one for each",
    "VS243": "the weight of {layer} should be a number, instead got {weight!r}",
    "VS244": "--{name} should be {wanted}, instead got {value}",
    "VS246": "{path}: is too large for a file of settings; {example}",
    "VS247": "{path}: {key} should be {wanted}, instead got {got}",
    "VS248": "{path}: {key}: {error}",
    "VS249": "{path}: there is no setting {key!r}; {nearest}",
    "VS250": "{path}: {name} is there twice, with - and with _; leave one out",
    "VS251": "{path}: cannot be read ({reason}); check the name",
    "VS252": "{path}: is no text; {example}",
    "VS254": "{path}: is no TOML: {error}; {example}",
    "VS255": "{path}: {error}",
    "VS256": "{object!r} is no Unicode, so no file can hold it; rename that file",
    "VS257": "--show {unknown}: there is no such figure; use {shown}",
    "VS258": "--grid {text!r} has no two sides; give one like strength:style-layers or content=1,2:style",
    "VS259": "--grid {text!r} has {name} twice; give two settings",
    "VS260": "--grid: {short!r} is no setting; use one of {axes}, or another option's name",
    "VS261": "--grid: {short} needs values, like {short}=A,B; give some",
    "VS262": "--grid: {name} is yes or no, instead got {text!r}",
    "VS263": "--grid: {name} should be a number, instead got {text!r}",
    "VS266": "{source}: only the painting of one image can be shown; give an image",
    "VS267": "only the making of one painting can be shown; leave out --all-layers or --progress-gif",
    "VS268": "a page takes for {name} only {choices}, instead got {value!r}; choose one of them",
    "VS269": "{text!r} is not a time; use seconds such as 12.5, or minutes such as 1:30",
    "VS270": "--codec {codec} is not for {ending} files; write to {endings}, or use --codec {others}",
    "VS271": "--pix-fmt {pixel_format} is none that {codec} takes; use {formats}",
    "VS272": "--quality {quality} is none of {what}; give a whole number from {low} to {high}",
    "VS273": "--quality is not for {codec}, which loses nothing; leave it out",
    "VS274": "--codec and --pix-fmt are for videos; leave them out for {ending} files",
    # what is painted, and styles, masks and cameras
    "VS301": "{path}: no such file or folder; check the name",
    "VS303": "{shelf}: is no folder; give one of style images",
    "VS304": "{path}: no such {what}; {hint}",
    "VS305": "{path}: is a link to a file that is not there; check where it leads",
    "VS306": "{path}: is an animation, and reports measure videos; paint it to .mp4 from a video",
    "VS307": "{path}: has more frames than its source there; give --from and --to as for painting",
    "VS308": "{path}: is an address, and files are painted; download it first",
    "VS309": (
        "{name} gives no answer for {seconds:g} s: is its drive there, or its network? Try again, or copy it here."
    ),
    "VS310": "{path!r}: is no name of a file ({error}); check it",
    "VS311": "{name} is a folder, not a file; name a file in it.",
    "VS312": "{name} does not exist; check the name.",
    "VS313": "{name} is a device or pipe, not a file; save it to a file first.",
    "VS314": "{name} is empty (0 bytes); copy it again.",
    "VS315": "{name} cannot be read ({text}); check its permissions.",
    "VS316": "{path}: is too long for the name of a file; give a shorter one",
    "VS317": "{name} is not an image of a known kind; use one of {image_endings}.",
    "VS318": "{name} cannot be read ({reason}); copy it again.",
    "VS319": "{name} is damaged or cut off ({text}); copy it again.",
    "VS320": "{parent}: none of its {count} images can be read; give others",
    "VS321": (
        "{source}: only {count} of its frames {start} to {stop} could be read; did it change? Begin anew with --restart"
    ),
    "VS323": "{style}: no such style image; check the name",
    "VS324": "{path}: no such mask; check the name",
    "VS325": "{name} has {found} pixels, more than {pixels:,}; make it smaller first, or add --no-limits.",
    "VS326": "{name} is {seconds:.1f} hours long, more than {seconds2:g}; {cut}",
    "VS327": "{name} has {frames:,} frames to paint, more than {frames2:,}; {cut}",
    "VS328": "{name} shows {found}: its times may be damaged; copy it again, or add --no-limits.",
    "VS329": "{name} has {found:,} bytes, more than {bytes:,}; is it an image? Add --no-limits if so.",
    "VS330": "camera {name}: shows nothing; give another",
    "VS331": "camera {name}: ended after {count} of {wanted} images; ask for fewer",
    "VS332": "{problem}; {instead}",
    "VS333": "{name} is damaged: not one frame can be read; copy it again.",
    "VS334": "{name} cannot be read as an animation; copy it again.",
    "VS335": "camera {name}: cannot be opened, {there}; plug one in, or give --camera URL or a video file",
    "VS336": "camera {name}: went away and did not come back in {reconnect:g} seconds; plug it in again",
    "VS337": "camera {where!r}: cannot be reached by {scheme}; give a URL of {network}",
    "VS338": "camera {name}: sends no frames; check that it is on and that the address is right",
    "VS339": "{path}: has fewer frames than the film; give a mask that is as long",
    "VS340": "{name} cannot be prepared for reading ({reason}); try another file.",
    "VS341": "{name} holds no frame that can be read: it is damaged; copy it again.",
    "VS342": "{name} cannot be prepared in {parent} ({reason}).",
    "VS343": "{name} cannot be read as a video ({reason}); it may be damaged or of another kind.",
    "VS344": "{name} holds no frames: it is damaged or was cut off; copy it again.",
    "VS345": "{name} is a single {found} image, not a video{hint}.",
    "VS346": "{name} is a playlist, which only names other files; give the video itself.",
    "VS347": "{name} is a text file, not a video; give a video file.",
    "VS348": "{name} holds sound and a cover image but no video; give a video file.",
    "VS349": "{name} holds only sound, no video; give a video file.",
    "VS350": "{path}: frame {position} could not be read; did the file change?",
    "VS351": "{name} has no frames from {wanted}: it is {long:.2f} s long; choose another part.",
    "VS352": "{name} holds no images; give a folder or pattern of {known} files.",
    "VS353": "{name} changed while it was read; wait until it is whole, and begin anew.",
    "VS354": "{path} is gone; put it back and run the same command again, what is painted is kept.",
    "VS356": (
        "{name} gives no frame for {patience:g} s: is its drive there, or its network? Run the same command "
        "again, or copy the file here."
    ),
    "VS357": "nothing to paint is chosen; drop a video or an image, or take a photo with the webcam",
    "VS358": "a file and a photo from the webcam are both there; take one of them away",
    "VS359": "no style is chosen; drop an image, or choose one from the shelf",
    "VS360": "{name}: cannot be read here; give a file that ends in one of {endings}",
    "VS371": "{name} is a TIFF file of a kind that is not read ({what}); save it as PNG, or as TIFF of 8 or 16 bits.",
    "VS372": "{name} is transparent everywhere, so there is nothing to see; give another image.",
    # what is written
    "VS402": "{path}: exists already; give another name, or --overwrite",
    "VS406": "{file}: is the output itself, or what is painted from; give another name",
    "VS407": "{place}: nothing can be written there; give another folder with --jobs",
    "VS408": "{place}: cannot be made ({reason}); give another with --jobs",
    "VS409": "{host}:{port} cannot be listened on ({reason}); give another --port",
    "VS410": "{folder}: is no folder; make it first",
    "VS411": (
        "{name}: the frames of a shot find no room ({reason}); free some, set TMPDIR to another folder, or "
        "use --passes 1 without --loop"
    ),
    "VS412": "{file}: nothing was painted, so there is nothing to draw; paint first",
    "VS413": "{file}: cannot be written ({reason}); give another name with -o",
    "VS414": "{path}: cannot be written with the ending {suffix!r}; use {endings}",
    "VS415": "{path}: is a folder; give the name of a file",
    "VS417": "{path}: there is no folder {folder}; make it first",
    "VS418": "{path}: nothing can be written to {folder}; choose another place",
    "VS419": "{path}: cannot be written ({reason}); give another name, or make room",
    "VS420": "{name} has no known image ending; use one of {image_endings}.",
    "VS421": "{name} cannot be written ({reason}); choose another place.",
    "VS424": "{target}: a {kind} cannot be written with the ending {suffix!r}; use one of {good}",
    "VS425": "{target}: is the source itself; give another name with -o",
    "VS429": "{file}: is no image's name; give one that ends in one of {image_endings}",
    "VS430": "{name} cannot be encoded ({reason}); make room.",
    "VS431": "the animation holds {found} of {count} frames; write it again.",
    "VS432": "{name} cannot be written: its folder does not exist; make the folder first.",
    "VS433": "{name} is a folder; give the name of a file.",
    "VS434": "{name} cannot be written: its folder is read-only; choose another place.",
    "VS435": "{name} is the source itself; choose another name for the result.",
    "VS436": "{name} is already closed; open it anew to write more.",
    "VS437": "{name} would hold no frame; write at least one before finishing.",
    "VS438": "{name} cannot be written ({reason}); make room or choose another place.",
    "VS439": "{name} cannot be under {allowed}: the least, {form}, takes {found}; allow more",
    "VS440": "{name} cannot be joined ({reason}); make room.",
    "VS442": "{name} cannot be written: its folder has gone; make it again, and run the same command.",
    "VS443": "{name} holds {found} of {written} frames; make room and write it again.",
    "VS444": "{name} cannot be encoded ({reason}); make room or choose another place.",
    "VS445": "{name} has no known video ending; use {video_endings}, .gif, .webp or .png.",
    "VS446": "{name} takes frames of {size} (height x width), not {found}; resize them first.",
    "VS448": "the sound of {name} cannot be added ({reason}); make room and run the same command again.",
    "VS449": "the files cannot be copied ({reason}); drop them again, or make room in the folder of jobs",
    "VS450": "{name} would take {found:,} bytes, more than {allowed:,}; allow more.",
    # jobs, clusters and their storage
    "VS501": "--ray: a task failed: {reason}",
    "VS502": (
        "--ray: no machine has the {cpus:g} CPUs and {gpus:g} GPUs of a task ({found}); ask for less by "
        "--task-cpus and --task-gpus, or add machines"
    ),
    "VS503": "--ray: {address} has vidstyle {version}, not {expected}; install the same",
    "VS504": "--ray: {address} finds another {name} at {place}; share one folder, or use --storage",
    "VS505": "--ray {address}: no cluster answers ({error}); start one, see docs/scale.md",
    "VS506": "--ray: the cluster cannot be joined ({reason}); see docs/scale.md",
    "VS507": "--ray: {address}: {reason}",
    "VS508": "{here}: is not seen here; share the folder, or use --storage",
    "VS509": "{url}: {reason}; check the address and your rights",
    "VS510": "{place}: holds another job than the one that is run; run it again",
    "VS511": "{host} has vidstyle {version}; install the same everywhere",
    "VS512": "{source}: is another file on {host} than where the job was planned",
    "VS513": "{path}: holds a job whose {difference}; run it as it was, or begin anew with --restart",
    "VS514": "{file}: cannot be read ({error}); begin anew with --restart",
    "VS515": "{path}: cannot be written ({reason}); make room and run the same command again",
    "VS516": "{place}: holds no job; make one with 'vidstyle plan'",
    "VS517": "{place}: cannot be read ({error}); plan it anew with --restart",
    "VS518": "{path}: is not here; run the job where it was begun, or begin anew with --restart",
    "VS519": "{path}: is broken ({error}); begin anew with --restart",
    "VS522": "{path}: another vidstyle{who} works on it; wait until it ends",
    "VS523": "{path}: not painted yet: shot {shots}; paint them, then join",
    "VS524": "{place}: has no shot {shot}; give one from 0 to {count}",
    "VS525": "there is no such job; it may have been removed, paint anew",
    "VS526": "this job is spoilt, or of another version; paint anew",
    "VS527": "its painting ended without a word, perhaps for want of memory; paint it smaller",
    # painting itself
    "VS601": "painting {size}x{size2} {found}; {advice}, or try it with --no-limits",
    "VS602": "the memory is not enough to paint {width}x{height}; {advice}",
    "VS603": (
        "the loss rose from {first:.3g} to {total:.3g}; give smaller --style-weight and --content-weight, or "
        "other --weights"
    ),
    "VS604": (
        "the loss is {total:.3g} and its gradient is no number; give smaller --style-weight and "
        "--content-weight, or other --weights"
    ),
    # the weights of the network
    "VS701": "{broken} of {count} kept files are broken; delete them",
    "VS702": "{url} is not reachable: {reason}",
    "VS703": "{url}: another file came (its SHA-256 starts {found}, not {expected}); try again",
    "VS704": "the connection ended after {done} of {size} MiB",
    "VS705": "the connection broke after {done} of {size} MiB: {error}",
    "VS706": "{path}: is not torchvision's file of {name}; get it with: vidstyle weights fetch {name}",
    "VS707": "{path}: holds numbers that are not finite; fetch or export the file again",
    "VS708": "{path}: are not the filters of {name}; fetch or export the file again",
    "VS709": "the filters have no {layer} ({state_key}.weight and .bias); use shallower layers",
    "VS710": "{layer} should have filters of shape {shape}, instead got {shape2}",
    "VS711": "{path}: no such weights file; give a .pth or .safetensors file, imagenet or selftaught",
    "VS712": "{path}: is not torchvision's ImageNet file ({digits}); use it with --weights {path}",
    "VS713": "{path}: the kept filters are broken (their SHA-256 differs); delete the file",
    "VS714": "{path}: holds no state dict of tensors; save it with torch.save(model.state_dict(), ...)",
    "VS715": "{path}: not VGG19 in torchvision's keys (features.0.weight ..., instead got {found} ...)",
    "VS716": "{path}: lacks {missing}; use other filters or layers up to {present}",
    "VS717": "{path}: another network; {layer} should have shape {shape}, instead got {got}",
    "VS718": "{path}: {layer} holds numbers that are not finite; fetch or export the file again",
    "VS719": "{path}: the filters cannot be written ({reason}); is there room on the disk?",
    "VS720": "{path}: not a readable weights file ({reason}); fetch or export it again",
    # whole runs
    "VS801": "{faults} found; each line above says what to do",
    "VS802": "{count} could not be painted; {others}",
    "VS803": "{out} is painted, but there is no report: {error}",
    "VS804": "{source}: none of its clips could be painted; {failed}",
    "VS805": (
        "ffmpeg cannot be started ({reason}); install vidstyle anew with pip, or unset IMAGEIO_FFMPEG_EXE; "
        "'vidstyle doctor' tells more"
    ),
}


class VidstyleError(Exception):
    """Base of all errors that a user can act on; `code` names the text."""

    def __init__(self, code: str, /, **values: object) -> None:
        """The text of TEXTS that has this code, with the `values` that it names."""
        super().__init__(TEXTS[code].format(**values))
        self.code = code

    @property
    def line(self) -> str:
        """The text and the code, as people are told them."""
        return f"{self} [{self.code}]"

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, since the values are in the text: errors come from other processes too."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[VidstyleError], words: tuple[object, ...], facts: Mapping[str, object]) -> VidstyleError:
    error = kind.__new__(kind, *words)
    error.__dict__.update(facts)
    return error


class UsageError(VidstyleError):
    """The arguments of the command line do not fit together."""


class SettingsError(VidstyleError):
    """An option has a value that cannot be used."""


class SourceError(VidstyleError):
    """An input is missing, unreadable or of the wrong kind."""


class SinkError(VidstyleError):
    """An output cannot be written."""


class JobError(VidstyleError):
    """A job's work folder is in use, broken, or of another job, or a cluster cannot do it."""


class StorageError(JobError):
    """The files of a job cannot be read or written where the machines of a cluster find them."""


class PaintingError(VidstyleError):
    """An image cannot be painted: there is no memory for it, or its loss is no number."""


class WeightsError(VidstyleError):
    """The network's weights are missing, broken or do not fit."""
