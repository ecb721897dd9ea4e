# SPDX-License-Identifier: MIT
"""Make the sample pictures from the public-domain clip art of Debian's package `openclipart-png`.

    apt-get download openclipart-png && dpkg-deb -x openclipart-png_*.deb clip
    pip install numpy pillow
    python Examples/make_pictures.py clip/usr/share/openclipart/png Examples/pictures

Prints the table of sources that stands in `Examples/pictures/README.md`. Each picture is put in the middle of a white
square with a margin of 4 %, as for the pictures the built-in model was trained on, and resized; nothing else is
changed. Every third file is a JPEG, so that reading a folder goes through both decoders.
"""

import argparse
import os

import numpy as np
from PIL import Image

SIDE = 128
MARGIN = 0.04  # empty border on each side, as a share of the longer side
LARGEST = 512  # larger pictures are first shrunk to this by averaging
JPEG_EVERY = 3
JPEG_QUALITY = 92

# Name of the group: folder in the package, names of the files without ".png".
GROUPS = {
    "aircraft": ("transportation/vehicles", [
        "aircraft_jarno_vasamaa_", "aircraft_jarno_vasamaa1", "aircraft_jarno_vasamaa2", "aircraft_jarno_vasamaa3",
        "aircraft_jarno_vasamaa4", "departing_plane_01"]),
    "car": ("transportation/vehicles", [
        "4wd", "blazer_01", "hummer_01", "hummer_03", "hummer_05", "road_runner_ganson"]),
    "citrus": ("food/fruit", [
        "lemon_half_ganson", "lemon_whole_ganson", "lime_half_ganson", "lime_slice_ganson",
        "orange_slice_jonathan_di_01", "rondelle_d_orange_01"]),
    "horse": ("animals/mammals/horses", [
        "cavallo_architetto_franc_01", "cavallo_architetto_franc_02", "cavallo_architetto_franc_03",
        "cavallo_architetto_franc_04", "cavallo_architetto_franc_06", "cavallo_architetto_franc_07"]),
    "ladybird": ("animals/bugs", [
        "c_rollandin_francesco_ar_01", "coccinella_architetto_fr_01", "coccinella_rollandin_arc_01",
        "coccinellona_architetto__01", "ladybug_01", "ladybug_02"]),
    "silhouette": ("animals/mammals", [
        "contour_baboon", "contour_beaver", "contour_camel", "contour_elephant", "contour_hamster",
        "contour_orangutan"]),
}


def on_white_square(picture):
    """The picture without transparency, in the middle of a white square."""
    picture = picture.convert("RGBA")
    if max(picture.size) > LARGEST:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    side = round(max(picture.size) * (1 + 2 * MARGIN))
    pixels = np.asarray(picture, np.float32)
    alpha = pixels[..., 3:] / 255
    square = np.full((side, side, 3), 255, np.float32)
    top, left = (side - picture.height) // 2, (side - picture.width) // 2
    square[top : top + picture.height, left : left + picture.width] = pixels[..., :3] * alpha + 255 * (1 - alpha)
    return Image.fromarray(np.clip(square + 0.5, 0, 255).astype(np.uint8))


def cell(text):
    """Text of a PNG chunk, made safe for one cell of a Markdown table."""
    return " ".join(str(text).replace("|", "/").split()) or "not stated"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("clipart", help="the folder usr/share/openclipart/png of the unpacked package")
    parser.add_argument("destination", help="folder to write the pictures to")
    arguments = parser.parse_args()
    os.makedirs(arguments.destination, exist_ok=True)
    print("| file | original | title | author |")
    print("| --- | --- | --- | --- |")
    for group, (folder, names) in GROUPS.items():
        for number, name in enumerate(names, start=1):
            original = f"{folder}/{name}.png"
            with Image.open(os.path.join(arguments.clipart, original)) as source:
                title, author = source.info.get("Title", ""), source.info.get("Author", "")
                picture = on_white_square(source).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            if number % JPEG_EVERY == 0:
                file = f"{group}_{number}.jpg"
                picture.save(os.path.join(arguments.destination, file), quality=JPEG_QUALITY)
            else:
                file = f"{group}_{number}.png"
                picture.save(os.path.join(arguments.destination, file), optimize=True)
            print(f"| `{file}` | `{original}` | {cell(title)} | {cell(author)} |")


if __name__ == "__main__":
    main()
