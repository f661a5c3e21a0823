"""The errors a user can act on, and their texts.

Each text is one line that says what failed, what was found, and what to do next, without a full stop at its end. Its
code is stable: programs and tests go by the code, never by the words. Only the front ends catch these and turn them
into a line and an exit code.
"""

from collections.abc import Mapping
from typing import Final

TEXTS: Final[Mapping[str, str]] = {
    # the arguments of the command line
    "VS101": "no images to learn from; name at least one",
    "VS102": "a report needs a painted video, --source and --style; add what is missing",
    "VS103": "'vidstyle plan' is for videos; for images, use 'vidstyle INPUT --style IMAGE'",
    "VS104": "--log-losses and --plot-losses are for a single image or video; remove them for a folder",
    "VS105": "--max-mb, --width, --beside and --curve need an animation; add --progress-gif FILE",
    "VS106": "--progress-gif needs a painting; remove --preview or --dry-run",
    "VS107": "--host {host} lets other machines reach the page; add --auth USER:PASSWORD, or set {password}",
    "VS108": (
        "--host {host} cannot be opened in a browser; use --host ADDRESS with an address of this machine (on Linux,"
        " 'hostname -I' prints them) and --auth USER:PASSWORD"
    ),
    "VS109": "--auth must be USER:PASSWORD, with neither part empty",
    "VS111": "--size {text!r} is not a texture size; use WIDTHxHEIGHT, such as 512x768, with sides of at least 32",
    "VS112": "--report needs a finished video; remove --preview or --dry-run",
    "VS113": "--at needs --preview; to select a part of the video, use --from and --to",
    "VS114": "--dry-run and --preview cannot be combined; remove one",
    "VS115": "--dry-run writes nothing; remove --save-settings",
    "VS116": "--log-losses and --plot-losses need a painting; remove --preview or --dry-run",
    "VS117": "--log-losses and --plot-losses work on this machine only; remove --ray",
    "VS118": "--task-cpus, --task-gpus and --storage need --ray; add it, or remove them",
    "VS119": "--preview and --dry-run run on this machine; remove --ray",
    "VS120": "--device applies to this machine; with --ray, use --task-gpus 1",
    "VS121": "--progress-gif needs a single snapshot; add --snapshot FILE, without --count",
    "VS122": "--snapshot cannot be combined with --record or --fps; remove them",
    "VS123": "--countdown, --count and --every need --snapshot; add --snapshot FILE",
    "VS124": "--seconds needs --record; add --record FILE",
    "VS125": "--every needs several images; add --count N, with N at least 2",
    "VS126": "the shell cannot be determined; add --shell bash, --shell zsh or --shell fish",
    # settings
    "VS201": "--log-file {file} cannot be written ({reason}); use another location",
    "VS202": "{where}{error}",
    "VS203": "the page needs Gradio; run: pip install 'vidstyle[web]'",
    "VS204": "--max-upload {size!r} is not a size; use one such as 500mb or 2gb",
    "VS206": "--ray needs Ray; run: pip install 'vidstyle[cluster]'",
    "VS207": "--device {name} is not available (available: {present}); use one of these or auto",
    "VS208": "no painted video is given; name at least one",
    "VS209": "--dry-run checks a single video; name one video in the folder",
    "VS210": "--preview is for videos and animations; for an image, use --size 256",
    "VS211": "--at {moment:g} is outside the video, which is {seconds:.2f} s long; use a time within it",
    "VS212": "no style is given; add --style IMAGE",
    "VS213": "--style-keys uses style {last}, but only {styles} given with --style; add the missing ones",
    "VS214": "there are more --style-mask options ({count}) than --style options ({styles}); remove some",
    "VS215": "--style-keys, --strength-keys and --style-per-shot are for videos; remove them",
    "VS216": "--style-mask cannot be combined with --style-blend, --style-keys or --style-per-shot; remove one",
    "VS217": "--from {start:g} --to {to} is not a time range; use 0 <= from < to, in seconds",
    "VS218": "--from and --to are for videos and animations; remove them for images",
    "VS219": "--report is for videos; remove it for images and animations",
    "VS220": "--task-cpus {cpus:g} --task-gpus {gpus:g} is not possible; use more than 0 CPUs, and 0 or more GPUs",
    "VS221": "--task-gpus {gpus:g} is not possible; use a whole number, or a share of one GPU such as 0.5",
    "VS222": "--storage {storage} is not a URL; use one such as s3://bucket/videos, or share the output folder",
    "VS223": "--ray is for videos; remove it for images",
    "VS224": "{path}: a mask for images must be an image; use one of {image_endings}",
    "VS225": "{text!r} names no style besides the source; name one, such as 0s=source, 2s=A",
    "VS226": "{text!r} is not a blend; use a number of 0 or more for each style, such as 0.7,0.3",
    "VS227": "{text!r} has no keys; use TIME=VALUE, such as 0s=..., 4s=...",
    "VS228": "the times in {text!r} must increase; give each key a later time than the one before",
    "VS229": "{value!r} in {text!r} gives no style a share above 0; raise one",
    "VS230": "{value!r} in {text!r} is not a number from 0 to 1; use keys such as 0s=0.2, 4s=0.8",
    "VS231": "{term!r} in {text!r} is not a style; use A for the first --style, B for the second, or source: 0.5A+0.5B",
    "VS232": "{error} in {text!r}; use keys such as 0s=..., 4s=...",
    "VS233": "{text!r} is not a layer of VGG19; {hint}",
    "VS234": "{text!r} gives no layer a weight above 0; use conv3_1 or conv3_1=0.5, for example",
    "VS235": "{layer} appears twice in {text!r}; remove one",
    "VS236": "the weight of {layer} in {text!r} must be 0 or more, got {weight!r}",
    "VS237": "--strength needs --loss relative; with --loss sums, use --content-weight and --style-weight",
    "VS238": "--style-loss and --strength-keys need --loss relative; use that, or remove them",
    "VS239": "--style-blend, --style-keys and --style-per-shot cannot be combined; use only one",
    "VS240": "--content-weight and --style-weight are both 0; raise one",
    "VS241": "there is no preset {name!r}; use {near}",
    "VS242": "--style-blend must have one number for each --style; there are {found} for {styles}",
    "VS243": "the weight of {layer} in {text!r} must be a number, got {weight!r}",
    "VS244": "--{name} must be {wanted}, got {value}",
    "VS245": "--chunk-frames needs a single pass; remove --passes 2 and --loop, or --chunk-frames",
    "VS246": "{path} is too large for a settings file; {example}",
    "VS247": "{path}: {key} must be {wanted}, got {got}",
    "VS248": "{path}: {key}: {error}",
    "VS249": "{path}: there is no setting {key!r}; {nearest}",
    "VS250": "{path}: {name} appears twice, once with - and once with _; remove one",
    "VS251": "{path} cannot be read ({reason}); check the name",
    "VS252": "{path} is not a text file; {example}",
    "VS254": "{path} is not valid TOML: {error}; {example}",
    "VS255": "{path}: {error}",
    "VS256": "{object!r} is not valid Unicode and cannot be stored; rename that file",
    "VS257": "--show {unknown}: no such figure; use {shown}",
    "VS258": "--grid {text!r} needs two sides; use ROWS:COLUMNS, such as strength:style-layers or content=1,2:style",
    "VS259": "--grid {text!r} names {name} twice; use two different settings",
    "VS260": "--grid: {short!r} is not a setting; use one of {axes}, or the name of another option",
    "VS261": "--grid: {short} needs values; use {short}=A,B",
    "VS262": "--grid: {name} must be yes or no, got {text!r}",
    "VS263": "--grid: {name} must be a number, got {text!r}",
    "VS266": "{source}: only the painting of a single image can be animated; use an image",
    "VS267": "only a single painting can be animated; remove --all-layers or --progress-gif",
    "VS268": "{name} must be one of {choices}, got {value!r}",
    "VS270": "--codec {codec} is not possible in {ending} files; write to {endings}, or use --codec {others}",
    "VS271": "--pix-fmt {pixel_format} is not supported by {codec}; use {formats}",
    "VS272": "--quality {quality} is not supported by {what}; use a whole number from {low} to {high}",
    "VS273": "--quality does not apply to {codec}, which is lossless; remove it",
    "VS274": "--codec, --encoder and --pix-fmt are for videos; remove them for {ending} files",
    "VS275": "--fps {text} is not a frame rate; use frames per second, such as 25, 23.976 or 24000/1001",
    "VS276": "--fps, --audio and --as-video are for image sequences such as shot.%04d.png; remove them",
    "VS277": "--as-video is for a folder or a pattern of images; remove it",
    "VS278": "--audio needs a video as output; remove it, or write to {endings}",
    "VS279": "--codec and --encoder are for videos; remove them for {ending} files",
    "VS280": "--pix-fmt {pixel_format} is not supported for {ending} images; use {formats}",
    "VS281": "--storage does not support image sequences; share their folder instead",
    "VS282": "{path}: a mask that is an image sequence cannot be combined with --from and --to; remove them",
    "VS283": "--encoder {encoder} does not support {codec}; use --codec {codecs}, or --encoder software",
    "VS284": "no hardware encodes {codec} on this machine ({reasons}); use --encoder software",
    "VS290": "--precision {name} is not possible on {device}; use one of {possible}",
    # what is painted, and styles, masks and cameras
    "VS301": "{path}: no such file or folder; check the name",
    "VS303": "{shelf} is not a folder; use a folder of style images",
    "VS304": "{path}: no such {what}; {hint}",
    "VS305": "{path} is a broken link; check its target",
    "VS306": "{path} is an animation, and reports measure only videos; paint it to .mp4",
    "VS307": "{path} has more frames than that part of its source; use the --from and --to that it was painted with",
    "VS308": "{path}: URLs are not supported; download the file first",
    "VS309": (
        "{name} did not respond for {seconds:g} s; check its drive or network and try again, or copy it to this machine"
    ),
    "VS310": "{path!r} is not a valid file name ({error}); check it",
    "VS311": "{name} is a folder, not a file; use a file inside it",
    "VS312": "{name} does not exist; check the name",
    "VS313": "{name} is a device or pipe, not a file; save it to a file first",
    "VS314": "{name} is empty (0 bytes); copy it again",
    "VS315": "{name} cannot be read ({text}); check its permissions",
    "VS316": "{path}: the file name is too long; use a shorter one",
    "VS317": "{name} is not an image of a supported kind; use one of {image_endings}",
    "VS318": "{name} cannot be read ({reason}); copy it again",
    "VS319": "{name} is damaged or cut off ({text}); copy it again",
    "VS320": "none of the {count} images in {parent} can be read; use others",
    "VS321": "{source}: only {count} of the frames {start} to {stop} could be read; if the file changed, use --restart",
    "VS323": "{style}: no such style image; check the name",
    "VS324": "{path}: no such mask; check the name",
    "VS325": "{name} has {found} pixels, more than {pixels:,}; reduce it first, or add --no-limits",
    "VS326": "{name} is {seconds:.1f} hours long, more than {seconds2:g}; {cut}",
    "VS327": "{name} has {frames:,} frames to paint, more than {frames2:,}; {cut}",
    "VS328": "{name} shows {found}; its time stamps may be damaged: copy it again, or add --no-limits",
    "VS329": "{name} has {found:,} bytes, more than {bytes:,}; if it is an image, add --no-limits",
    "VS330": "camera {name} sends no image; use another camera",
    "VS331": "camera {name} ended after {count} of {wanted} images; use a smaller --count",
    "VS332": "{problem}; {instead}",
    "VS333": "{name} is damaged: no frame can be read; copy it again",
    "VS334": "{name} cannot be read as an animation; copy it again",
    "VS335": "camera {name} cannot be opened ({there}); connect one, or use --camera with a URL or a video file",
    "VS336": "camera {name} was disconnected and did not return within {reconnect:g} seconds; connect it again",
    "VS337": "camera {where!r}: {scheme} is not supported; use a URL with one of {network}",
    "VS338": "camera {name} sends no frames; check that it is on and that the address is right",
    "VS339": "{path} has fewer frames than the video; use a mask of the same length",
    "VS340": "{name} cannot be prepared for reading ({reason}); try another file",
    "VS341": "{name} is damaged: it has no readable frame; copy it again",
    "VS342": "{name} cannot be rewritten in {parent} ({reason}); free disk space there",
    "VS343": "{name} cannot be read as a video ({reason}): it may be damaged or of another kind; copy it again",
    "VS344": "{name} contains no frames: it is damaged or incomplete; copy it again",
    "VS345": "{name} is a single {found} image, not a video{hint}",
    "VS346": "{name} is a playlist that refers to other files; use the video itself",
    "VS347": "{name} is a text file, not a video; use a video file",
    "VS348": "{name} contains audio and a cover image, but no video; use a video file",
    "VS349": "{name} contains only audio, no video; use a video file",
    "VS350": "frame {position} of {path} could not be read; if the file changed, start again",
    "VS351": "{name} has no frames from {wanted}: it is {long:.2f} s long; choose another part",
    "VS352": "{name} contains no images; use a folder or pattern of {known} files",
    "VS353": "{name} changed while it was read; wait until it is complete and start again",
    "VS354": "{path} was removed; put it back and run the same command to resume",
    "VS356": (
        "{name} sent no frame for {patience:g} s; check its drive or network and run the same command again, "
        "or copy the file to this machine"
    ),
    "VS357": "add a video or photo first, or take a photo with the webcam",
    "VS358": "both a file and a webcam photo are given; remove one",
    "VS359": "no style is chosen; pick a sample, or add an image of your own",
    "VS360": "{name}: this file type is not supported; use one of {endings}",
    "VS361": "{name} matches no image; check the name and its ending (one of {known})",
    "VS362": "{name} contains images numbered in different ways ({first}, {last}); use a pattern such as shot.%04d.png",
    "VS363": "{name} has {found} pixels, but the images before it have {wanted}; scale all to one size",
    "VS364": "{name} contains no readable sound ({reason}); use an audio file or a video",
    "VS365": "{name}: the numbers {shown} are missing; the images around them are treated as consecutive",
    "VS371": "{name} is a TIFF file of an unsupported kind ({what}); save it as PNG, or as TIFF with 8 or 16 bits",
    "VS372": "{name} is completely transparent; use another image",
    "VS373": "{name} is not a readable LUT ({reason}); use a 3D LUT in a .cube file",
    "VS374": "add a style image",
    # what is written
    "VS402": "{path} already exists; use another name or --overwrite",
    "VS406": "{file} is the output or one of the inputs; use another name",
    "VS407": "{place} is not writable; use another folder with --jobs",
    "VS408": "{place} cannot be created ({reason}); use another folder with --jobs",
    "VS409": "{host}:{port} cannot be used ({reason}); use another --port",
    "VS410": "{folder} is not an existing folder; create it, or use another --folder",
    "VS411": (
        "{name}: not enough disk space for the frames of a shot ({reason}); free some, set TMPDIR to another "
        "folder, or use --passes 1 without --loop"
    ),
    "VS412": "{file}: nothing was painted, so there is nothing to plot; paint first",
    "VS413": "{file} cannot be written ({reason}); use another name with -o",
    "VS414": "{path}: the ending {suffix!r} is not supported; use {endings}",
    "VS415": "{path} is a folder; use a file name",
    "VS417": "{path}: the folder {folder} does not exist; create it first",
    "VS418": "{path}: the folder {folder} is not writable; choose another one",
    "VS419": "{path} cannot be written ({reason}); use another name, or free disk space",
    "VS420": "{name} has no supported image ending; use one of {image_endings}",
    "VS421": "{name} cannot be written ({reason}); use another location",
    "VS424": "{target}: the ending {suffix!r} is not possible for the painting of this {kind}; use one of {good}",
    "VS425": "{target} is the source itself; use another name with -o",
    "VS429": "{file} is not an image name; use one of {image_endings}",
    "VS430": "{name} cannot be encoded ({reason}); free disk space",
    "VS431": "the animation contains only {found} of {count} frames; write it again",
    "VS436": "{name} is already closed; open it again to write more",
    "VS437": "{name} would contain no frames; write at least one before finishing",
    "VS438": "{name} cannot be written ({reason}); free disk space or use another location",
    "VS439": "{name} does not fit into {allowed}: its minimum, {form}, takes {found}; raise the limit",
    "VS440": "{name} cannot be joined ({reason}); free disk space",
    "VS442": "{name} cannot be written: its folder was removed; create it again and run the same command",
    "VS443": "{name} contains only {found} of {written} frames; free disk space and write it again",
    "VS444": "{name} cannot be encoded ({reason}); free disk space or use another location",
    "VS445": "{name} has no supported video ending; use {video_endings}, .gif, .webp or .png",
    "VS446": "{name} expects frames of {size} (height x width), got {found}; resize them first",
    "VS447": "the encoder cannot make {name} at {size} ({reason}); use another --size, --codec or --pix-fmt",
    "VS448": "the sound of {name} cannot be added ({reason}); free disk space and run the same command to resume",
    "VS449": "the files cannot be copied ({reason}); upload them again, or free space in the jobs folder",
    "VS450": "{name} would take {found:,} bytes, more than {allowed:,}; raise the limit",
    "VS451": "--host {host} is not an address of this machine ({reason}); on Linux, 'hostname -I' prints its addresses",
    # jobs, clusters and their storage
    "VS501": "--ray: a task failed ({reason}); run the same command to resume",
    "VS502": (
        "--ray: no machine has the {cpus:g} CPUs and {gpus:g} GPUs of a task ({found}); lower --task-cpus and "
        "--task-gpus, or add machines"
    ),
    "VS503": "--ray: {address} has vidstyle {version}, not {expected}; install the same version",
    "VS504": "--ray: {address} finds a different {name} at {place}; share one folder, or use --storage",
    "VS505": "--ray {address}: no cluster answers ({error}); start one as docs/scale.md describes",
    "VS506": "--ray: the cluster cannot be joined ({reason}); see docs/scale.md",
    "VS507": "--ray: {address} does not respond ({reason}); check that machine",
    "VS508": "{here} is not visible on this machine; share the folder, or use --storage",
    "VS509": "{url}: {reason}; check the address and your permissions",
    "VS510": "{place} contains another job now; run the command again",
    "VS511": "{host} has vidstyle {version}; install the same version everywhere",
    "VS512": "{source} on {host} differs from the file that was planned; use the same file everywhere",
    "VS513": "{path} contains another job ({difference}); use the same options to resume, or --restart to start over",
    "VS514": "{file} cannot be read ({error}); use --restart to start over",
    "VS515": "{path} cannot be written ({reason}); free disk space and run the same command again",
    "VS516": "{place} contains no job; create one with 'vidstyle plan'",
    "VS517": "{place} cannot be read ({error}); plan it again with --restart",
    "VS518": "{path} is missing; resume the job where it was started, or use --restart",
    "VS519": "{path} is damaged ({error}); use --restart to start over",
    "VS522": "{path} is in use by another vidstyle{who}; wait until it ends",
    "VS523": "{path}: shot {shots} is not painted yet; paint every shot before joining",
    "VS524": "{place} has no shot {shot}; use a number from 0 to {count}",
    "VS525": "there is no such job; it may have been deleted; paint again",
    "VS526": "this job is damaged, or from another version of vidstyle; paint again",
    "VS527": "the worker crashed three times, probably out of memory; use a smaller size",
    "VS528": "other previews are being painted; wait a minute and press the button again",
    "VS529": "{name} has no frame that can be previewed quickly; paint it, or trim it",
    "VS530": "the preview ended early, probably out of memory; press the button again",
    # painting itself
    "VS601": "painting {size}x{size2} {found}; {advice}, or try it with --no-limits",
    "VS602": "not enough memory to paint {width}x{height}; {advice}",
    "VS603": (
        "the loss rose from {first:.3g} to {total:.3g}: the optimisation diverged; use a smaller "
        "--style-weight and --content-weight, or other --weights"
    ),
    "VS604": (
        "the loss is {total:.3g} and its gradient is NaN: the optimisation diverged; use a smaller "
        "--style-weight and --content-weight, or other --weights"
    ),
    # the weights of the network
    "VS701": "{broken} of {count} stored weights files are damaged; delete them",
    "VS702": "{url} cannot be reached ({reason}); check the network and try again",
    "VS703": "{url}: the downloaded file differs (SHA-256 starts with {found}, not {expected}); try again",
    "VS704": "the connection ended after {done} of {size} MiB; try again",
    "VS705": "the connection broke after {done} of {size} MiB ({error}); try again",
    "VS706": "{path} is not torchvision's file of {name}; get it with: vidstyle weights fetch {name}",
    "VS707": "{path} contains NaN or infinite values; download or export the file again",
    "VS708": "{path} does not contain the weights of {name}; download or export the file again",
    "VS709": "the weights have no {layer} ({state_key}.weight and .bias); use shallower layers",
    "VS710": "{layer} must have weights of shape {shape}, got {shape2}; use other weights",
    "VS711": "{path}: no such weights file; use a .pth or .safetensors file, imagenet or selftaught",
    "VS712": "{path} is not torchvision's ImageNet file ({digits}); to paint with it, use --weights {path}",
    "VS713": "{path}: the stored weights are damaged (their SHA-256 differs); delete the file",
    "VS714": "{path} contains no state dict of tensors; save it with torch.save(model.state_dict(), ...)",
    "VS715": "{path} is not VGG19 with torchvision's keys (features.0.weight ..., got {found} ...); use another file",
    "VS716": "{path} has no {missing}; use other weights, or layers up to {present}",
    "VS717": "{path} belongs to another network ({layer} must have shape {shape}, got {got}); use weights of VGG19",
    "VS718": "{path}: {layer} contains NaN or infinite values; download or export the file again",
    "VS719": "{path}: the weights cannot be written ({reason}); check the disk space",
    "VS720": "{path} is not a readable weights file ({reason}); download or export it again",
    # whole runs
    "VS801": "{faults} found; see the lines above",
    "VS802": "{count} could not be painted; {others}",
    "VS803": "{out} is painted, but its report failed: {error}",
    "VS804": "none of the videos in {source} could be painted; {failed}",
    "VS805": (
        "ffmpeg cannot be started ({reason}); reinstall vidstyle with pip, or unset IMAGEIO_FFMPEG_EXE; see "
        "'vidstyle doctor'"
    ),
}


class VidstyleError(Exception):
    """Base of all errors that a user can act on; `code` names the text, and `facts` are the values in it."""

    def __init__(self, code: str, /, **values: object) -> None:
        """The text of TEXTS that has this code, with the `values` that it names."""
        super().__init__(TEXTS[code].format(**values))
        self.code = code
        self.facts = {name: value if isinstance(value, int | float) else str(value) for name, value in values.items()}

    @property
    def line(self) -> str:
        """The text and the code, as they are printed."""
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
