import { type ParameterMap, parseParameterMap } from '../itk/parameters.js';

/** A parameter file as people write them, for tests. */
export const rigidFile: ParameterMap = parseParameterMap(`
// A plain rigid registration in the words of elastix.
(FixedInternalImagePixelType "float")
(MovingInternalImagePixelType "float")
(Registration "MultiResolutionRegistration")
(FixedImagePyramid "FixedSmoothingImagePyramid")
(MovingImagePyramid "MovingSmoothingImagePyramid")
(NumberOfResolutions 3)
(Interpolator "LinearInterpolator")
(ResampleInterpolator "FinalBSplineInterpolator")
(Resampler "DefaultResampler")
(Metric "AdvancedMattesMutualInformation")
(NumberOfHistogramBins 32)
(Optimizer "AdaptiveStochasticGradientDescent")
(Transform "EulerTransform")
(AutomaticScalesEstimation "true")
(AutomaticTransformInitialization "false")
(HowToCombineTransforms "Compose")
(ImageSampler "RandomCoordinate")
(NumberOfSpatialSamples 3000)
(NewSamplesEveryIteration "true")
(MaximumNumberOfIterations 200)
(UseDirectionCosines "true")
(WriteResultImage "false") // as people write it
(DefaultPixelValue 0)
(ResultImageFormat "mha")
`);
