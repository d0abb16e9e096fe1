"""VTK's iterative closest points (vtkIterativeClosestPointTransform), as SlicerIGT's "Fiducials to model" runs it.

Reads one JSON object from standard input: {"positions": [...], "triangles": [...], "jobs": [{"points": [...],
"iterations": n, "landmarks": n}]}, points already moved by the start pose. The surface's locator is built once, before
any clock starts. Writes one JSON line per job: {"matrix": 16 numbers, row-major, "ms": processor time}.
"""

import json
import sys
import time

import vtk


def polydata(coordinates):
    points = vtk.vtkPoints()
    points.SetDataTypeToDouble()
    for n in range(0, len(coordinates), 3):
        points.InsertNextPoint(coordinates[n], coordinates[n + 1], coordinates[n + 2])
    data = vtk.vtkPolyData()
    data.SetPoints(points)
    return data


def main():
    order = json.load(sys.stdin)
    surface = polydata(order["positions"])
    polys = vtk.vtkCellArray()
    corners = order["triangles"]
    for n in range(0, len(corners), 3):
        polys.InsertNextCell(3, corners[n : n + 3])
    surface.SetPolys(polys)
    locator = vtk.vtkCellLocator()
    locator.SetDataSet(surface)
    locator.SetNumberOfCellsPerBucket(1)
    locator.BuildLocator()
    for job in order["jobs"]:
        cloud = polydata(job["points"])
        icp = vtk.vtkIterativeClosestPointTransform()
        icp.SetSource(cloud)
        icp.SetTarget(surface)
        icp.SetLocator(locator)
        icp.GetLandmarkTransform().SetModeToRigidBody()
        icp.SetMaximumNumberOfIterations(job["iterations"])
        icp.SetMaximumNumberOfLandmarks(job["landmarks"])
        icp.StartByMatchingCentroidsOff()
        icp.CheckMeanDistanceOff()
        began = time.process_time()
        icp.Update()
        took = time.process_time() - began
        matrix = icp.GetMatrix()
        print(json.dumps({"matrix": [matrix.GetElement(r, c) for r in range(4) for c in range(4)], "ms": 1000 * took}))


main()
